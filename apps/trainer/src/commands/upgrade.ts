import type { Command } from 'commander';
import type { Surroundings } from '../surroundings.js';

export function addUpgrade(_program: Command, _around: Surroundings): void {}
