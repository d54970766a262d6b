/**
 * `concordat registry <command>`: every operation of the registry's management API, and the commands for
 * declared files.
 */

import { backup, verifyRegistry } from './management/backup.ts'
import { REGISTRY_FILE } from './management/declared/registry-kind.ts'
import { fileCommands } from './management/declared/run-file.ts'
import { REGISTRY_HEADINGS } from './management/headings.ts'
import { type Program, runManagement } from './management/run-management.ts'

const FILE = fileCommands(REGISTRY_FILE)

export const REGISTRY: Program = {
  program: 'registry',
  file: 'central-registry-api.yaml',
  variables: { url: 'CONCORDAT_REGISTRY_URL', keyFile: 'CONCORDAT_REGISTRY_KEY_FILE' },
  headings: REGISTRY_HEADINGS,
  more: {
    plan: {
      summary:
        'What `apply` would do: plan <file.yaml> | --revision NUMBER; exit code 3 when there is something',
      options: ['--revision='],
      run: FILE.plan,
    },
    apply: {
      summary: 'Bring the registry to what a file declares: apply <file.yaml> --why REASON [--sha256 DIGEST]',
      options: ['--why=', '--sha256='],
      run: FILE.apply,
    },
    declare: {
      summary: 'Write the registry as it is as such a file, with its certificates: declare <new folder>',
      run: FILE.declare,
    },
    drift: {
      summary:
        'What differs from the files that were applied, and who changed it; exit code 3 when something does',
      run: FILE.drift,
    },
    restore: {
      summary: 'Apply again what a revision holds: restore <number> --sha256 DIGEST --why REASON',
      options: ['--why=', '--sha256='],
      run: FILE.restore,
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
