"""The controller: a pure core of decisions and a thin shell of sockets, timers and storage."""
