/**
 * A folder for tests as a folder and as a directory of a real SFTP server, and the settings by which the
 * adapter reaches it.
 */
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'
import { emptyFolder } from '#adapters/kit/kit-fixture.ts'
import { skipFor } from '#test/outside-tools.ts'
import { hasSshd, type SshServer, startSshd } from '#test/sshd.ts'
import type { SourceSettings } from './settings.ts'

type TestFolder = { folder: string; source: SourceSettings; server?: SshServer }

const KINDS = ['folder', 'sftp'] as const

/** Runs the tests on each kind; a server that is not installed is a loud skip. */
export async function eachKind(
  t: Test,
  tests: (t: Test, kind: (typeof KINDS)[number], at: TestFolder) => Promise<void>,
): Promise<void> {
  for (const kind of KINDS)
    await t.test(`by ${kind}`, async (t) => {
      if (kind === 'sftp' && !hasSshd()) return skipFor(t, "OpenSSH's server is not installed")
      const folder = path.join(emptyFolder(t), 'files')
      mkdirSync(folder)
      if (kind === 'folder') return tests(t, kind, { folder, source: { kind, folder } })
      const server = await startSshd(t)
      await tests(t, kind, { folder, server, source: sftpSource(server, folder) })
    })
}

export function sftpSource(server: SshServer, directory: string): SourceSettings {
  const { host, port, user, keyFile, hostKey } = server
  return { kind: 'sftp', directory, host, port, user, keyFile, hostKeys: [hostKey] }
}
