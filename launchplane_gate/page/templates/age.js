
(function () {
  var told = document.getElementById("looked-at"), age = document.getElementById("age");
  var at = Date.parse(told.querySelector("time").dateTime), oldAfter = Number(told.dataset.oldAfter);
  function span(seconds) {
    var units = [[86400, "day"], [3600, "hour"], [60, "minute"]];
    for (var i = 0; i < units.length; i++) {
      var n = Math.floor(seconds / units[i][0]);
      if (n) return n + " " + units[i][1] + (n === 1 ? "" : "s");
    }
    return "";
  }
  function tell() {
    var seconds = (Date.now() - at) / 1000, ago = span(seconds);
    var isOld = seconds > oldAfter;
    told.classList.toggle("old", isOld);
    age.textContent = isOld
      ? "That was " + ago + " ago: this is old. Look again before you act on it."
      : ago ? "That was " + ago + " ago." : "That was just now.";
  }
  tell();
  setInterval(tell, 30000);
})();
