#![no_main]

bully_fuzz::target!(node_quorum);
