//! What the map, the replay and the inspection do, most of it on real servers.

mod carry;
mod encodings;
mod facts;
mod hostile;
mod map;
mod random;
mod rig;
mod texts;
