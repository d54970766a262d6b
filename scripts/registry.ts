/** `concordat registry <command>`: every operation of the registry's management API, and the commands for declared files. */

import { backup, verifyRegistry } from './management/backup.ts'
import { applyFile, declareFile, planFile } from './management/declared/run-file.ts'
import { type Program, runManagement } from './management/run-management.ts'

export const REGISTRY: Program = {
  program: 'registry',
  file: 'central-registry-api.yaml',
  variables: { url: 'CONCORDAT_REGISTRY_URL', keyFile: 'CONCORDAT_REGISTRY_KEY_FILE' },
  more: {
    plan: {
      summary: 'What `apply` would do: plan <file.yaml>; exit code 3 when there is something',
      run: planFile,
    },
    apply: {
      summary: 'Bring the registry to what a file declares: apply <file.yaml> [--why REASON]',
      options: ['--why='],
      run: applyFile,
    },
    declare: {
      summary: 'Write the registry as it is as such a file, with its certificates: declare <new folder>',
      run: declareFile,
    },
    backup: { summary: 'Make a backup and fetch it: backup <file>', run: backup },
    'verify-backup': {
      summary: 'Judge a backup, offline: verify-backup <file> --backup-key-file FILE [--anchor FILE]',
      options: ['--backup-key-file=', '--anchor='],
      offline: verifyRegistry,
    },
  },
}

export const run = (args: string[]): Promise<number> => runManagement(REGISTRY, args)
