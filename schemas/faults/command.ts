/** Faults of commands that people run; no server answers them. */
import type { FaultEntry } from './entry.ts'

export const commandFaults = {
  wrong_usage: {
    status: 400,
    blame: 'client',
    text: 'The command cannot be carried out as it was given',
    remedy: 'Correct the arguments; concordat with the command and --help says which there are',
  },
  input_too_large: {
    status: 413,
    blame: 'client',
    text: 'The input is larger than the command reads',
    remedy: 'Give less at once, in several calls',
  },
} satisfies Record<string, FaultEntry>
