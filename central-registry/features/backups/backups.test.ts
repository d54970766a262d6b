/**
 * Backups of a registry: made over the API and daily, verified offline, restored on either database, and
 * never overwriting anything.
 */

import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { createAuthority } from '#certs/authority.ts'
import { isDue, isWell, outcomeOf, type Run } from '#platform/backups/rules.ts'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { concordatProgram } from '#test/concordat-program.ts'
import { eachDatabase } from '#test/databases.ts'
import { codeOf } from '#test/fakes/configuration-world.ts'
import { onEachRegistryDatabase } from '#test/fakes/registry-databases.ts'
import { anchorOf, publish, setUp } from '#test/fakes/registry-sample.ts'
import { BACKUP_KEY, registryWorld } from '#test/fakes/registry-world.ts'
import { until } from '#test/until.ts'
import { registryMigrations } from '../../features.ts'
import { openMemory } from '../restorations/memory.ts'
import { restoreBackup } from './restore-backup.ts'
import { verifyBackup } from './verify-backup.ts'

const run = promisify(execFile)
const authority = await createAuthority({ clock: Date.now, instance: 'DEV' })

type Listed = {
  id: number
  name: string
  state: string
  failure: string | null
  sha256: string
  by: string | null
}

t.test('when the daily backup is due, and what is told of one that never ended', async (t) => {
  const at = (text: string): number => Date.parse(`2026-03-0${text}:00.000Z`)
  const ran = (begun: string, state: Run['state']): Run => ({
    ...{ state, begun_at: new Date(at(begun)).toISOString(), ended_at: null, failure: null },
  })
  const due = (now: string, made?: Run, newest = made): boolean =>
    isDue({ now: at(now), hour: 3, made, newest })
  t.ok(due('2T01:00'), 'the first at once')
  t.notOk(due('2T02:59', ran('1T03:00', 'made')))
  t.ok(due('2T03:00', ran('1T03:00', 'made')))
  t.notOk(due('2T05:00', ran('2T04:00', 'made')))
  t.notOk(due('2T03:30', ran('1T03:00', 'made'), ran('2T03:00', 'failed')))
  t.ok(due('2T04:00', ran('1T03:00', 'made'), ran('2T03:00', 'failed')), 'again an hour after a failure')
  t.notOk(due('2T04:00', ran('1T03:00', 'made'), ran('2T03:00', 'running')))
  t.ok(due('2T09:00', ran('1T03:00', 'made'), ran('2T03:00', 'running')))
  t.match(outcomeOf(ran('2T03:00', 'running'), at('2T08:59')), { state: 'running' })
  t.match(outcomeOf(ran('2T03:00', 'running'), at('2T09:00')), { state: 'failed' })
  const well = (made: Run | undefined, newest = made): boolean => isWell({ now: at('3T03:00'), made, newest })
  t.ok(well(ran('2T03:00', 'made')))
  t.notOk(well(undefined))
  t.notOk(well(ran('1T03:00', 'made')))
  t.notOk(well(ran('2T03:00', 'made'), ran('3T02:00', 'failed')))
})

onEachRegistryDatabase(
  'a backup is made, judged offline, and restored into an empty database of either store',
  async (t, url) => {
    const world = registryWorld(t, url)
    const at = (name: string): string => path.join(world.directory, name)
    writeFileSync(at('backup-key'), BACKUP_KEY, { mode: 0o600 })
    writeFileSync(at('other-key'), 'another secret text', { mode: 0o600 })
    const backups = { directory: at('backups'), keyFile: at('backup-key'), hour: 3, keep: 2 }
    const node = await world.start({ settings: { backups } })
    t.match(await node.must('GET', '/backup-state'), { isConfigured: true, isWell: false })
    t.match((await node.call('POST', '/backups')).body, { type: 'conflict' }, 'before there is an instance')
    await setUp(node, authority)
    await publish(node)
    const listed = async (): Promise<Listed[]> => (await node.must('GET', '/backups')) as Listed[]
    const made = (await node.must('POST', '/backups')) as Listed
    t.match(made, { state: 'made', failure: null, by: 'initial' })
    t.match(await listed(), [{ id: made.id }, { state: 'failed', failure: /no identifier/ }])
    t.match(await node.must('GET', '/backup-state'), { isWell: true })
    t.match(await node.must('GET', '/overview'), { backups: { isWell: true } })
    const downloaded = await node.call('GET', `/backups/${made.id}/file`)
    t.ok(downloaded.bytes.equals(readFileSync(path.join(backups.directory, made.name))))
    t.match(await node.must('GET', '/audit-log?q=downloadBackup'), [
      { target: `/api/v1/backups/${made.id}/file` },
    ])
    t.equal((await node.call('GET', '/backups/99/file')).status, 404)
    t.match((await node.must('GET', '/backups?state=failed')) as Listed[], [{ state: 'failed' }])
    t.same(await node.must('GET', '/backups?q=no%20such'), [])
    const named = `/backups?q=${encodeURIComponent(made.name.toUpperCase())}`
    t.match(await node.must('GET', named), [{ id: made.id }])

    const file = at('one.backup')
    writeFileSync(file, downloaded.bytes)
    const anchor = await anchorOf(node)
    writeFileSync(at('anchor.xml'), anchor)
    const { manifest, sha256, files } = await verifyBackup({ file, secret: BACKUP_KEY, anchor })
    t.equal(sha256, made.sha256)
    t.match(manifest, { of: 'DEV', kind: 'central-registry' })
    t.ok([...files.keys()].some((name) => /^signing-keys\/.*\.pem$/.test(name)))
    for (const secret of ['1234', 'witness'])
      t.notOk([...files.values()].some((bytes) => bytes.toString() === secret))
    const verify = (...args: string[]) =>
      run(concordatProgram(), ['registry', 'verify-backup', ...args]).then(
        ({ stdout }) => ({ code: 0, stdout, stderr: '' }),
        (failed: { code: number; stdout: string; stderr: string }) => failed,
      )
    const told = await verify(file, '--backup-key-file', at('backup-key'), '--anchor', at('anchor.xml'))
    t.equal(told.code, 0, told.stderr)
    t.match(told.stdout, `SHA-256 of the file       ${sha256}`)
    t.match(told.stdout, 'does not hold the PIN')
    t.match(await verify(file, '--backup-key-file', at('other-key')), {
      code: 1,
      stderr: /the key is another one/,
    })
    t.equal((await verify(file)).code, 2)

    // The register changes after the backup, so the backup does not have this member.
    await node.must('POST', '/members', { memberClass: 'GOV', memberCode: 'later', name: 'Later' })
    const { index } = await publish(node)
    const later = (await node.must('POST', '/backups')) as Listed
    writeFileSync(at('later.backup'), (await node.call('GET', `/backups/${later.id}/file`)).bytes)
    await node.stop()
    const settings = { directory: at('other'), database: node.settings.database }
    const restore = (): Promise<unknown> =>
      restoreBackup({ file, secret: BACKUP_KEY, migrations: registryMigrations, settings })
    t.equal(await codeOf(restore()), 'conflict', 'a database that holds something is not overwritten')
    t.notOk(existsSync(at('other')), 'and nothing is written beside it')
    await eachDatabase(t, async (_database, t, other) => {
      const directory = path.join(at('restored'), String(other.startsWith('sqlite')))
      mkdirSync(directory, { recursive: true })
      for (const name of ['highest-published-index', 'transparency-log-leaves', 'highest-suspension-list'])
        cpSync(at(name), path.join(directory, name))
      const mark = readFileSync(path.join(directory, 'highest-published-index'), 'utf8')
      // Another file takes the place of the one that was verified.
      const swapped = at('swapped.backup')
      cpSync(file, swapped)
      const [first, { up }] = Object.entries(registryMigrations)[0]!
      const swapping = {
        ...registryMigrations,
        [first]: {
          up: (kysely: Parameters<typeof up>[0]) => {
            cpSync(at('later.backup'), swapped)
            return up(kysely)
          },
        },
      }
      const replaced = restoreBackup({
        ...{ file: swapped, secret: BACKUP_KEY, migrations: swapping },
        settings: { directory, database: other },
      })
      await t.rejects(replaced, { code: 'backup_invalid', message: /replaced while it was read/ })
      // What stops it after its first steps, as a crash would.
      writeFileSync(path.join(directory, 'signing-keys'), 'a file in the way')
      await t.rejects(
        restoreBackup({
          ...{ file, secret: BACKUP_KEY, migrations: registryMigrations },
          settings: { directory, database: other },
        }),
      )
      const left = await openDatabase(other)
      t.equal(
        await codeOf(migrate(left, registryMigrations)),
        'database_error',
        'nobody starts on what is left',
      )
      await left.close()
      rmSync(path.join(directory, 'signing-keys'))
      await restoreBackup({
        file,
        secret: BACKUP_KEY,
        migrations: registryMigrations,
        settings: { directory, database: other },
      })
      t.equal(readFileSync(path.join(directory, 'highest-published-index'), 'utf8'), mark, `still ${index}`)
      t.equal(readdirSync(path.join(directory, 'signing-keys')).length, 1)
      t.equal(
        await codeOf(
          restoreBackup({
            file,
            secret: BACKUP_KEY,
            migrations: registryMigrations,
            settings: { directory, database: other },
          }),
        ),
        'conflict',
      )
    })
    const changed = readFileSync(file)
    changed[changed.length - 40]! ^= 1
    writeFileSync(at('changed'), changed)
    const fresh = { directory: at('fresh'), database: `sqlite:${at('fresh.db')}` }
    t.equal(
      await codeOf(
        restoreBackup({
          file: at('changed'),
          secret: BACKUP_KEY,
          migrations: registryMigrations,
          settings: fresh,
        }),
      ),
      'backup_invalid',
    )
    t.notOk(readdirSync(world.directory).includes('fresh.db'), 'nothing was begun')
  },
)

t.test(
  'daily ones are made by themselves, as many are kept as are wanted, and a failure is shown',
  async (t) => {
    const world = registryWorld(t)
    const folder = path.join(world.directory, 'backups')
    const backups = { directory: folder, keyFile: '', hour: 3, keep: 2 }
    let node = await world.start()
    t.match(await node.must('GET', '/backup-state'), { isConfigured: false })
    t.match((await node.call('POST', '/backups')).body, { type: 'conflict' })
    await setUp(node, authority)
    await node.stop()
    node = await world.start({ settings: { backups } })
    const state = async (): Promise<Record<string, unknown>> =>
      (await node.must('GET', '/backup-state')) as Record<string, unknown>
    await until('a backup that is well', async (saw) => saw(await state())['isWell'] === true)
    for (let times = 0; times < 3; times++) {
      world.clock.now += 1
      await node.must('POST', '/backups')
    }
    t.equal(readdirSync(folder).length, 2)
    await node.stop()
    writeFileSync(path.join(world.directory, 'no-folder'), '')
    backups.directory = path.join(world.directory, 'no-folder')
    node = await world.start({ settings: { backups } })
    t.equal((await node.call('POST', '/backups')).status, 500)
    t.match(await state(), { isWell: false, failure: /cannot be read or written/ })
    t.match(await node.must('GET', '/overview'), { backups: { isWell: false } })
    t.ok(world.lines.some((line) => line.includes('a backup failed')))
    t.equal((await node.call('GET', '/backups/2/file')).status, 404, 'it lies in another folder')
  },
)

t.test('what a node remembers goes forward only, and is read strictly', async (t) => {
  const world = registryWorld(t)
  const node = await world.start({})
  await setUp(node, authority)
  await publish(node)
  const directory = path.join(world.directory, 'memory')
  mkdirSync(directory)
  const database = await openDatabase(node.settings.database)
  t.teardown(() => database.close())
  const memory = openMemory({ database, directory, clock: () => world.clock.now })
  t.equal(await memory.read(), undefined)
  await memory.remember()
  const kept = (await memory.read())!
  const kinds = ['intermediate', 'certification-service', 'time-stamping-service', 'signing-key']
  t.same(new Set(kept.trust.map(({ kind }) => kind)), new Set(kinds))
  const file = path.join(directory, 'suspended-and-trusted')
  const later = JSON.stringify({ ...kept, index: kept.index + 5, trust: [] })
  writeFileSync(file, later)
  const { signingKeys, ...earlier } = kept
  t.match(signingKeys, [{ signs: true, certificate: /^MI/ }])
  writeFileSync(file, JSON.stringify(earlier))
  t.same((await memory.read())?.signingKeys, [], 'of an earlier version')
  writeFileSync(file, later)
  await memory.remember()
  t.equal(readFileSync(file, 'utf8'), later, 'an older register is not remembered in its place')
  const hostile = [
    ...[
      '',
      '[]',
      'null',
      '{',
      '{}',
      `${later} `.slice(1),
      '"x"',
      '[['.repeat(50),
      later.replace('[]', '[null]'),
    ],
    ...[
      later.replace('"index":', '"index":"x","y":'),
      later.replace('{', '{"more":1,'),
      later.replace('[]', '[{"kind":"x","id":"y","name":"z"}]'),
      later.replace(/"signingKeys":\[.*?\]/, '"signingKeys":[{"id":"x"}]'),
      later.replace('"signs":true', '"signs":1'),
    ],
  ]
  for (const text of hostile) {
    writeFileSync(file, text)
    await t.rejects(memory.read(), { code: 'io_error' }, text.slice(0, 40))
  }
  await memory.remember()
  t.same((await memory.read())?.trust, kept.trust, 'a damaged note stops nothing, and is written anew')
})
