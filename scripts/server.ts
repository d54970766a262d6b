/** `concordat server <command>`: every operation of a security server's management API. */
import { runManagement } from './management/run-management.ts'

export const run = (args: string[]): Promise<number> =>
  runManagement({
    program: 'server',
    file: 'security-server-api.yaml',
    variables: { url: 'CONCORDAT_SERVER_URL', keyFile: 'CONCORDAT_SERVER_KEY_FILE' },
    more: {},
    args,
  })
