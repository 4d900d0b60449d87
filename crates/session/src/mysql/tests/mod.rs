//! Runs against real servers and against any bytes.

mod real;
mod rig;
mod robustness;
