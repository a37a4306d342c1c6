"""What every bundle and every engine has to refuse before it decides anything."""
