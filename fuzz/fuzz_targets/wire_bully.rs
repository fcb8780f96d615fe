#![no_main]

bully_fuzz::target!(wire_bully);
