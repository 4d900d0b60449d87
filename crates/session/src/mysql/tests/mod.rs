//! Runs against real servers and against any bytes.

mod left_behind;
mod real;
mod rig;
mod robustness;
