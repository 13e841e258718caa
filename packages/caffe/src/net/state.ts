import { CaffeNetError } from '../errors.js';
import { clone, create, has } from '../schema/message.js';
import type { LayerParameter, NetParameter, NetState, NetStateRule, Phase } from '../schema/messages.js';
import { layerReference } from './layer-spec.js';

/** What a net is built for. */
export interface NetStateOptions {
  readonly phase: Phase;
  readonly level?: number;
  readonly stages?: readonly string[];
}

/**
 * The state that a net is built in when it is read from a file by itself (`caffe test`, `caffe time`): the phase and level
 * that are asked for, whatever the file says, and its stages together with those asked for.
 */
export function netState(net: NetParameter, { phase, level = 0, stages = [] }: NetStateOptions): NetState {
  return create('NetState', { phase, level, stage: [...net.state.stage, ...stages] });
}

/**
 * The state that a solver builds a net in: the phase it is for, overridden by the net's own `state` field, and that by
 * `train_state` or the `test_state` of this test net.
 */
export function solverNetState(net: NetParameter, phase: Phase, extra?: NetState): NetState {
  const state = create('NetState', { phase });
  for (const given of [net.state, ...(extra ? [extra] : [])]) {
    if (has(given, 'phase')) state.phase = given.phase;
    if (has(given, 'level')) state.level = given.level;
    if (has(given, 'stage')) state.stage = [...state.stage, ...given.stage];
  }
  return state;
}

/** Whether a rule applies: its phase, its range of levels, all of its stages and none of its not_stages. */
export function meetsRule(state: NetState, rule: NetStateRule): boolean {
  if (has(rule, 'phase') && rule.phase !== state.phase) return false;
  if (has(rule, 'min_level') && state.level < rule.min_level) return false;
  if (has(rule, 'max_level') && state.level > rule.max_level) return false;
  const stages = new Set(state.stage);
  return rule.stage.every((stage) => stages.has(stage)) && !rule.not_stage.some((stage) => stages.has(stage));
}

function isIncluded(layer: LayerParameter, state: NetState): boolean {
  if (layer.include.length > 0 && layer.exclude.length > 0) {
    throw new CaffeNetError('has both include and exclude rules; give one kind only', layerReference(layer));
  }
  if (layer.include.length > 0) return layer.include.some((rule) => meetsRule(state, rule));
  return !layer.exclude.some((rule) => meetsRule(state, rule));
}

/**
 * The net with the layers that its include and exclude rules leave in a state, which becomes its `state` field.
 * @throws CaffeNetError for a layer with both kinds of rules.
 */
export function filterNet(net: NetParameter, state: NetState): NetParameter {
  const filtered = clone(net);
  filtered.state = clone(state);
  filtered.layer = filtered.layer.filter((layer) => isIncluded(layer, state));
  return filtered;
}
