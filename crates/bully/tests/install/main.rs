//! What is shipped around the program: completions, the manual page, the service, the tarball, the
//! Debian package, the container image. Those that are marked as ignored need what `make dist deb
//! image` builds and `scripts/deps install` installs: `make test-install` runs them.

mod compose;
mod from_source;
mod image;
mod package;
mod ready;
mod service;
mod shells;
mod support;
mod systemd;
mod tarball;
