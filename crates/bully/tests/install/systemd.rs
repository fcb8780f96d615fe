//! The service under systemd itself, which boots on a copy of this machine: an overlay over its
//! root, in namespaces and a control group of its own, that vanish with the test.

use std::path::Path;
use std::process::Command;

use super::support::{built, have, output};

/// Enters the namespaces, and starts systemd with the one job `$2`, whose output goes to `$3`.
///
/// The kernel is this machine's: what would change it (`/sys`, `/proc/sys`) can only be read, and
/// nothing of what a boot does otherwise is started.
const BOOT: &str = r#"
    set -eu
    copy=$(mktemp -d)
    mount -t tmpfs copy "$copy"
    mkdir "$copy/groups" "$copy/upper" "$copy/work" "$copy/root"
    mount -t cgroup -o none,name=systemd groups "$copy/groups"
    group=$copy/groups/bully-test-$$
    mkdir "$group"
    leave() {
        # Not in it while it is removed.
        echo $$ >"$copy/groups/cgroup.procs"
        find "$group" -depth -type d -exec rmdir {} \;
        umount -l "$copy"
        rmdir "$copy"
    }
    trap leave EXIT
    echo $$ >"$group/cgroup.procs"

    root=$copy/root
    mount -t overlay copy -o "lowerdir=/,upperdir=$copy/upper,workdir=$copy/work" "$root"
    cp "$1" "$root/root/bully.deb"
    cp "$2" "$root/root/job"
    rm -f "$root"/etc/systemd/system/*.wants/* "$root"/lib/systemd/system/sysinit.target.wants/*
    # Keeps services from being started and stopped where there is no systemd.
    rm -f "$root/usr/sbin/policy-rc.d"
    # Keeps manual pages out of images of machines.
    rm -f "$root"/etc/dpkg/dpkg.cfg.d/*
    mkdir "$root/old" "$root/said"
    mount --bind "$3" "$root/said"
    cat >"$root/etc/systemd/system/job.service" <<UNIT
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/sh -eu /root/job
StandardOutput=file:/said/out
StandardError=file:/said/err
ExecStopPost=/bin/sh -c 'systemctl --force --force poweroff 2>/dev/null'
UNIT

    # It ends as poweroff ends the first process of a namespace: by a signal.
    timeout --kill-after=5 100 unshare --mount --propagation=private --pid --fork --kill-child \
        --ipc --uts --net --cgroup sh -euc '
            cd "$1"
            ip link set lo up
            mount -t proc proc proc
            mount --bind proc/sys proc/sys
            mount -o remount,ro,bind proc/sys
            mount -t sysfs -o ro sysfs sys
            mount -t tmpfs groups sys/fs/cgroup
            mkdir sys/fs/cgroup/systemd
            mount -t cgroup -o none,name=systemd groups sys/fs/cgroup/systemd
            mount -t tmpfs run run
            mount -t tmpfs dev dev
            for device in full null random tty urandom zero; do
                touch dev/$device
                mount --bind /dev/$device dev/$device
            done
            mkdir dev/hugepages dev/mqueue dev/pts dev/shm
            mount -t devpts devpts dev/pts
            ln -s pts/ptmx dev/ptmx
            pivot_root . old
            umount -l old
            exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \
                /lib/systemd/systemd --unit=job.service --show-status=0
        ' sh "$root" || test $? = 130
"#;

/// What the job prints.
fn under_systemd(package: &Path, job: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (script, said) = (folder.path().join("job"), folder.path().join("said"));
    std::fs::write(&script, job).expect("is written");
    std::fs::create_dir(&said).expect("a folder");
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "--propagation=private", "sh", "-c", BOOT, "sh"]);
    let booted = output(unshare.args([package, &script, &said]));
    let printed = |name| std::fs::read_to_string(said.join(name)).unwrap_or_default();
    let (out, err) = (printed("out"), printed("err"));
    assert!(booted.status.success() && err.is_empty(), "{booted:?}\n{err}\n{out}");
    out
}

#[test]
#[ignore = "make test-install"]
fn systemd_starts_the_service_when_it_has_a_view_and_keeps_it_running_and_confined() {
    let test = "systemd_starts_the_service_when_it_has_a_view_and_keeps_it_running_and_confined";
    let needs = ["dpkg", "adduser", "unshare", "pivot_root", "ip", "nsenter", "systemd-analyze"];
    if !have(test, &needs, true) {
        return;
    }
    let Some(package) = built(test, ".deb") else { return };
    let said = under_systemd(
        &package,
        r#"
        export DEBIAN_FRONTEND=noninteractive
        main() { systemctl show --property=MainPID --value bully; }
        # In one answer, lest the one be from before what the other is from after.
        until_another_is_ready() {
            timeout 20 sh -euc '
                until set -- "$1" $(systemctl show --property=MainPID,ActiveState --value bully) &&
                    test "$2" != "$1" && test "$3" = active
                do sleep 0.05; done' sh "$1"
        }

        dpkg --install /root/bully.deb >/dev/null
        echo "installed: $(systemctl is-enabled bully) $(systemctl is-active bully)"

        echo 'nodes = ["127.0.0.1:8117"]' >>/etc/bully/bully.toml
        systemctl enable --quiet --now bully
        echo "started: $(systemctl is-active bully) $(bully leader -wait=0s)"
        first=$(main)
        stat --format='user: %U' "/proc/$first"
        grep -E '^(CapBnd|NoNewPrivs|Seccomp):' "/proc/$first/status" | tr '\t' ' '
        for path in /usr /etc /var /home; do
            nsenter --target "$first" --mount touch "$path/written" 2>/dev/null || echo "not written: $path"
        done

        kill -9 "$first"
        until_another_is_ready "$first"
        echo "restarted: $(bully leader)"

        second=$(main)
        dpkg --install /root/bully.deb >/dev/null 2>&1
        until_another_is_ready "$second"
        echo "upgraded: $(systemctl is-enabled bully) $(bully leader)"

        systemctl stop bully
        systemctl show --property=Result --property=ExecMainStatus bully | sort
        echo 'unheard = "of"' >>/etc/bully/bully.toml
        systemctl start bully 2>/dev/null || systemctl show --property=NRestarts --property=ExecMainStatus bully | sort

        sed -i '/unheard/d' /etc/bully/bully.toml
        # Six starts fail within ten seconds: one more than systemd allows unless it is told.
        bully -nodes=127.0.0.1:8117 2>/dev/null &
        holder=$!
        timeout 20 sh -euc 'until bully leader -wait=0s; do sleep 0.05; done' >/dev/null 2>&1
        systemctl start bully 2>/dev/null || systemctl show --property=ExecMainStatus bully
        timeout 20 sh -euc '
            until test "$(systemctl show --property=NRestarts --value bully)" -ge 6; do sleep 0.05; done'
        kill "$holder"
        until_another_is_ready 0
        echo "the port is free: $(systemctl is-active bully) $(bully leader)"

        third=$(main)
        dpkg --remove bully >/dev/null 2>&1
        test -e "/proc/$third" || echo "removed: it has ended"
        "#,
    );
    let expected = "\
installed: disabled inactive
started: active 127.0.0.1
user: bully
CapBnd: 0000000000000000
NoNewPrivs: 1
Seccomp: 2
not written: /usr
not written: /etc
not written: /var
not written: /home
restarted: 127.0.0.1
upgraded: enabled 127.0.0.1
ExecMainStatus=0
Result=success
ExecMainStatus=2
NRestarts=0
ExecMainStatus=69
the port is free: active 127.0.0.1
removed: it has ended
";
    assert_eq!(said, expected);
}
