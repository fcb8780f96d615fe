//! The protocol in virtual time.
