//! What hosts keep is wiped, set back, copied and damaged.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use bully_lab::{Host, LabConfig, lab_or_skip};

/// All that is there: names, kinds, modes, and what is in it.
fn listed(host: &Host) -> String {
    let line = "cd /var/lib/bully && find . -mindepth 1 -printf '%P %y %m %l ' \\( -type f -exec cat {} \\; \
        -o -true \\) -printf '\\n' | sort";
    let output = host.exec(&["sh", "-c", line]).unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn shell(host: &Host, line: &str) {
    let output = host.exec(&["sh", "-c", line]).unwrap();
    assert!(output.status.success(), "{output:?}");
}

const FURNISH: &str = "cd /var/lib/bully && mkdir -p bully/8117 && chmod 700 bully/8117 &&
    printf old > bully/8117/state && chmod 600 bully/8117/state && ln -s bully way";

#[test]
fn a_host_s_state_is_saved_wiped_and_set_back_also_in_a_user_namespace() {
    let test = "a_host_s_state_is_saved_wiped_and_set_back_also_in_a_user_namespace";
    for force_user_namespace in [false, true] {
        let config = LabConfig { force_user_namespace, ..LabConfig::of(2) };
        let Some(lab) = lab_or_skip(test, &config) else { return };
        let [one, other] = [lab.host(0), lab.host(1)];
        shell(one, FURNISH);
        let old = listed(one);
        assert!(old.contains("bully/8117/state f 600  old"), "{old}");
        let saved = one.save().unwrap();
        shell(one, "cd /var/lib/bully/bully && printf new > 8117/state && touch 8117/more beside");
        assert_ne!(listed(one), old);
        one.restore(&saved).unwrap();
        assert_eq!(listed(one), old);
        one.wipe().unwrap();
        assert_eq!(listed(one), "");
        one.restore(&saved).unwrap();
        assert_eq!(listed(one), old);
        // Another host gets a copy, in place of what it had.
        shell(other, "touch /var/lib/bully/its-own");
        other.restore(&saved).unwrap();
        assert_eq!(listed(other), old);
    }
}

#[test]
fn a_state_is_saved_whole_while_a_program_replaces_it() {
    let test = "a_state_is_saved_whole_while_a_program_replaces_it";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(2)) else { return };
    let host = lab.host(0);
    let replace = || {
        fs::write(host.path("/var/lib/bully/new"), b"whole").unwrap();
        fs::rename(host.path("/var/lib/bully/new"), host.path("/var/lib/bully/state")).unwrap();
    };
    replace();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let program = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                replace();
            }
        });
        for _ in 0..500 {
            let copied = host.save().and_then(|saved| lab.host(1).restore(&saved));
            let state = fs::read(lab.host(1).path("/var/lib/bully/state")).unwrap_or_default();
            if copied.is_err() || state != b"whole" {
                is_over.store(true, Ordering::Relaxed);
                panic!("{copied:?} {state:?}");
            }
        }
        assert!(!program.is_finished(), "it replaced it meanwhile");
        is_over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_file_of_a_host_is_cut_short_or_loses_a_bit() {
    let test = "a_file_of_a_host_is_cut_short_or_loses_a_bit";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(1)) else { return };
    let host = lab.host(0);
    let file = "/var/lib/bully/state";
    fs::write(host.path(file), b"abc").unwrap();
    fs::set_permissions(host.path(file), fs::Permissions::from_mode(0o600)).unwrap();
    host.flip_bit(file, 17).unwrap();
    assert_eq!(fs::read(host.path(file)).unwrap(), b"aba");
    host.flip_bit(file, 17).unwrap();
    host.truncate(file, 2).unwrap();
    assert_eq!(fs::read(host.path(file)).unwrap(), b"ab");
    let error = host.flip_bit(file, 16).unwrap_err();
    assert!(error.to_string().starts_with("flip bit 16 of /var/lib/bully/state of host67: "));
    assert!(host.truncate("/var/lib/bully/none", 0).is_err());
}
