//! What a statement does through the texts that its code executes.

use super::{Scope, Statement};
use crate::EffectSet;
use crate::proof::Findings;
use crate::routines::LASTING;

impl Statement {
    /// Code in the text executes texts that do this.
    pub(crate) fn found(&mut self, findings: &Findings) {
        let lasting = LASTING.union(EffectSet::EXECUTE);
        let mut effects = findings.effects.intersection(lasting);
        if effects.intersects(EffectSet::PREPARE) {
            effects.insert(EffectSet::PROCEDURE_STATE);
        }
        let any = !findings.effects.is_empty() || !findings.settings.is_empty();
        if self.home == Scope::Text && any {
            effects.insert(EffectSet::PROCEDURE);
            if effects.intersects(EffectSet::UNREAD_CODE) {
                effects.insert(EffectSet::SETTING | EffectSet::SETTING_UNKNOWN);
            }
        } else {
            effects.insert(findings.effects.intersection(EffectSet::ASSEMBLED_CODE));
        }
        if !self.settings.add(&findings.settings) {
            effects.insert(EffectSet::SETTING | EffectSet::SETTING_UNKNOWN);
        }
        self.effects.insert(effects);
        self.calls.add(&findings.calls);
    }
}
