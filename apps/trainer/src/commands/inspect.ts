import type { Command } from 'commander';
import type { Surroundings } from '../surroundings.js';

export function addInspect(_program: Command, _around: Surroundings): void {}
