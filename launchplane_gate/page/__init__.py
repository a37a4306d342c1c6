"""What a team looks at in a browser: the lanes, their runs and the decisions behind them, as files of HTML.

``look`` gathers what is drawn, from the views that the commands show; ``public`` leaves out of it what is not for
everybody; ``drawing`` makes pages of it, in the ``words`` of lanes and runs; ``folder`` writes those that changed.
"""
