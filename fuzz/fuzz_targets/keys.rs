#![no_main]

bully_fuzz::target!(keys);
