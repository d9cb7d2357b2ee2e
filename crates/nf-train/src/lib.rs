//! Learning: experiment file in, checkpoint out.
