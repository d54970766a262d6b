/** The folder of a security server with keys and certificates, and backups of it. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { idText, type MemberId } from '#schemas/identifiers.ts'
import type { Keys } from '../../keys/keys.ts'
import {
  createWorld,
  member,
  PIN,
  second,
  server,
  signingCertificate,
  type World,
} from '../../keys/keys-fixture.ts'
import { quickToken } from '../../keys/token-fixture.ts'
import { makeServerBackup } from './make-backup.ts'

const SECRET = 'a secret of the operators'
const SERVER = idText(server)

type Stage = { world: World; keys: Keys; at(...names: string[]): string }

/** Creates a server's folder with signing keys of its owner and of a second member. */
export async function stage(t: Test): Promise<Stage> {
  const directory = mkdtempSync(path.join(tmpdir(), 'concordat-server-backup-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const at = (...names: string[]): string => path.join(directory, ...names)
  const world = await createWorld(t)
  await quickToken(world.directory, PIN)
  const keys = await world.open()
  await keys.login(PIN)
  await signingCertificate(world, keys)
  await signingCertificate(world, keys, second)
  await keys.refreshOcsp()
  cpSync(world.directory, at('keys'), { recursive: true })
  mkdirSync(at('configuration'))
  writeFileSync(at('settings.yaml'), `server: ${SERVER}`)
  return { world, keys, at }
}

export type Sign = (document: object, type: string) => Promise<string>
export const by =
  ({ keys }: Stage, of: MemberId = member): Sign =>
  (document, type) =>
    keys.signJson({ document, type, member: of })

type Dump = Parameters<typeof makeServerBackup>[0]['dump']

/** Makes the file `backup`. */
export const make = ({ at, world }: Stage, sign: Sign, dump: Dump = async () => ({ rows: 0 })) =>
  makeServerBackup({
    ...{ file: at('backup'), secret: SECRET, server: SERVER, directory: at() },
    ...{ settingsFile: at('settings.yaml'), now: world.now, dump, sign },
  })

export const question = ({ at, world }: Stage) => ({
  ...{ file: at('backup'), secret: SECRET, server: SERVER, now: new Date(world.now) },
})
export const trusted = ({ world }: Stage) => ({
  trust: { indexes: new Map([['DEV', world.configuration!]]), origin: 'configuration of this test' },
})
