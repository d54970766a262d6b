/** `concordat server <command>`: every operation of a security server's management API. */
import { verifyServer } from './management/backup.ts'
import { REFRESH_USAGE, refresh } from './management/refresh.ts'
import { type Program, runManagement } from './management/run-management.ts'

export const SERVER: Program = {
  program: 'server',
  file: 'security-server-api.yaml',
  variables: { url: 'CONCORDAT_SERVER_URL', keyFile: 'CONCORDAT_SERVER_KEY_FILE' },
  more: {
    refresh: { summary: REFRESH_USAGE, options: ['--file=', '--accept=', '--ignoreWarnings'], run: refresh },
    'verify-backup': {
      summary: 'Judge a backup, offline: verify-backup <file> --backup-key-file FILE [--conf FOLDER]',
      options: ['--backup-key-file=', '--conf='],
      offline: verifyServer,
    },
  },
}

export const run = (args: string[]): Promise<number> => runManagement(SERVER, args)
