/** `concordat server <command>`: every operation of a security server's management API. */
import { verifyServer } from './management/backup.ts'
import { fileCommands } from './management/declared/run-file.ts'
import { SERVER_FILE } from './management/declared/server/kind.ts'
import { SERVER_HEADINGS } from './management/headings.ts'
import { REFRESH_USAGE, refresh } from './management/refresh.ts'
import { type Program, runManagement } from './management/run-management.ts'

const FILE = fileCommands(SERVER_FILE)

export const SERVER: Program = {
  program: 'server',
  file: 'security-server-api.yaml',
  variables: { url: 'CONCORDAT_SERVER_URL', keyFile: 'CONCORDAT_SERVER_KEY_FILE' },
  headings: SERVER_HEADINGS,
  more: {
    plan: {
      summary:
        'What `apply` would do: plan <file.yaml> | --revision NUMBER [--remove]; exit code 3 when there is something',
      options: ['--remove', '--revision='],
      run: FILE.plan,
    },
    apply: {
      summary:
        'Bring the server to what a file declares: apply <file.yaml> --why REASON [--remove] [--sha256 DIGEST]',
      options: ['--why=', '--remove', '--sha256='],
      run: FILE.apply,
    },
    declare: {
      summary: 'Write the server as it is as such a file, with its certificates: declare <new folder>',
      run: FILE.declare,
    },
    drift: {
      summary:
        'What differs from the file that was applied last, and who changed it; exit code 3 when something does',
      run: FILE.drift,
    },
    restore: {
      summary: 'Apply again what a revision holds: restore <number> --sha256 DIGEST --why REASON [--remove]',
      options: ['--why=', '--remove', '--sha256='],
      run: FILE.restore,
    },
    refresh: {
      summary: REFRESH_USAGE,
      options: ['--file=', '--address=', '--accept=', '--ignoreWarnings'],
      run: refresh,
    },
    'verify-backup': {
      summary: 'Judge a backup, offline: verify-backup <file> --backup-key-file FILE [--conf FOLDER]',
      options: ['--backup-key-file=', '--conf='],
      offline: verifyServer,
    },
  },
}

export const run = (args: string[]): Promise<number> => runManagement(SERVER, args)
