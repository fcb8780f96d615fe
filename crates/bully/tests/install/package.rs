//! The Debian package, installed and removed on a copy of this machine that vanishes with the test:
//! an overlay over its root, in a mount namespace of its own.

use std::path::Path;
use std::process::Command;

use super::support::{built, have, stdout};

/// What a shell prints that runs these lines, as root of the copy, with the package as `$1`.
fn on_a_copy(package: &Path, script: &str) -> String {
    let enter = r#"
        set -eu
        copy=$(mktemp -d)
        mount -t tmpfs copy "$copy"
        mkdir "$copy/upper" "$copy/work" "$copy/root"
        mount -t overlay copy -o "lowerdir=/,upperdir=$copy/upper,workdir=$copy/work" "$copy/root"
        mount -t proc proc "$copy/root/proc"
        mount --rbind /dev "$copy/root/dev"
        # Not this machine's: nothing in there shall reach its service manager.
        mount -t tmpfs run "$copy/root/run"
        cp "$1" "$copy/root/root/bully.deb"
        # Keeps manual pages out of images of machines.
        rm -f "$copy"/root/etc/dpkg/dpkg.cfg.d/*
        rmdir_later() { umount -l "$copy" && rmdir "$copy"; }
        trap rmdir_later EXIT
        chroot "$copy/root" /bin/sh -euc "$2" sh /root/bully.deb
    "#;
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "--propagation=private", "sh", "-c", enter, "sh"]);
    unshare.arg(package).arg(script).env("DEBIAN_FRONTEND", "noninteractive");
    stdout(unshare.env("LC_ALL", "C.UTF-8").env_remove("NOTIFY_SOCKET"))
}

const NEEDS: [&str; 5] = ["dpkg", "adduser", "unshare", "systemd-analyze", "setpriv"];

#[test]
#[ignore = "make test-install"]
fn the_package_is_installed_removed_and_purged_and_leaves_nothing() {
    let test = "the_package_is_installed_removed_and_purged_and_leaves_nothing";
    if !have(test, &NEEDS, true) {
        return;
    }
    let Some(package) = built(test, ".deb") else { return };
    let said = on_a_copy(
        &package,
        r#"
        # What `man` has shown, it keeps for itself.
        left() {
            find /etc /usr /lib /var /run -xdev -iname '*bully*' ! -path '/var/cache/man/*' | sort
        }
        before=$(left)
        dpkg --install "$1" >/dev/null
        getent passwd bully >/dev/null
        test -x /usr/bin/bully
        test -e /usr/share/man/man1/bully.1 -o -e /usr/share/man/man1/bully.1.gz
        for file in /etc/bully/bully.toml /usr/lib/systemd/system/bully.service \
            /usr/share/bash-completion/completions/bully /usr/share/doc/bully/copyright; do
            test -s "$file"
        done
        # Neither enabled nor started.
        test ! -e /etc/systemd/system/multi-user.target.wants/bully.service
        # What systemd would start, as the user that it would be started as.
        systemd-analyze verify bully.service 2>&1
        setpriv --reuid=bully --regid=bully --clear-groups --no-new-privs \
            bully config -config=/etc/bully/bully.toml >/dev/null
        # What the operator wrote outlives another installation of the same, and a removal.
        echo 'nodes = ["127.0.0.1"]' >>/etc/bully/bully.toml
        mkdir -p /var/lib/bully && touch /var/lib/bully/state
        dpkg --install "$1" >/dev/null </dev/null
        dpkg --remove bully >/dev/null
        test ! -e /usr/bin/bully
        grep -q '^nodes' /etc/bully/bully.toml
        test -e /var/lib/bully/state
        dpkg --purge bully >/dev/null
        ! getent passwd bully && ! getent group bully
        test "$before" = "$(left)" || left
        "#,
    );
    assert_eq!(said, "", "what is left, or what systemd complains of");
}

#[test]
#[ignore = "make test-install"]
fn a_service_that_was_enabled_is_enabled_no_more_once_it_is_purged() {
    let test = "a_service_that_was_enabled_is_enabled_no_more_once_it_is_purged";
    if !have(test, &NEEDS, true) {
        return;
    }
    let Some(package) = built(test, ".deb") else { return };
    let said = on_a_copy(
        &package,
        r#"
        dpkg --install "$1" >/dev/null
        systemctl enable bully.service 2>/dev/null
        test -L /etc/systemd/system/multi-user.target.wants/bully.service
        # Still so after an upgrade.
        dpkg --install "$1" >/dev/null
        test -L /etc/systemd/system/multi-user.target.wants/bully.service
        dpkg --purge bully >/dev/null
        find /etc/systemd /var/lib/systemd -name '*bully*'
        "#,
    );
    assert_eq!(said, "", "what is left");
}
