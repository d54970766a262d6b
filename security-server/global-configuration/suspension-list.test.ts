/**
 * A security server and the suspension list of a real registry: applied, stored, withheld, forged, lifted.
 */

import { readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { writeSuspensionList } from '#core/configuration/configuration-fixture.ts'
import { documentSigner } from '#core/configuration/signed-document.ts'
import { Fault } from '#schemas/fault.ts'
import { asSent } from '#test/as-sent.ts'
import { createConfigurationSigner } from '#test/fakes/configuration-signer.ts'
import { codeOf, createWorld } from '#test/fakes/configuration-world.ts'
import {
  isList,
  isSuspended,
  listText,
  openRegistry,
  payload,
  readerOf,
  suspendNow,
} from '#test/fakes/registry-reader.ts'
import { publish } from '#test/fakes/registry-sample.ts'
import { until } from '#test/until.ts'
import { registryFinding, suspensionListFinding } from './findings.ts'

const MINUTE = 60_000

void t.test(
  'a suspension is taken with the list alone, outlives a restart and an outage, and ends',
  async (t) => {
    const { world, node } = await openRegistry(t)
    const reader = await readerOf(t, world, node)
    await reader.configuration.refresh()
    t.notOk(isSuspended(reader))
    const before = reader.configuration.current()
    let changes = 0
    reader.configuration.onChange(() => {
      changes += 1
    })
    await reader.configuration.refreshSuspensions()
    t.equal(changes, 0, 'a renewal changes nothing')
    await suspendNow(node)
    await reader.configuration.refreshSuspensions()
    t.ok(isSuspended(reader))
    t.equal(changes, 1, 'connections are looked at again at once')
    t.not(reader.configuration.current().version, before.version)
    t.match(reader.configuration.state().own, { hasSuspensionList: true, suspensionList: { suspended: 1 } })
    t.match(asSent(suspensionListFinding(reader.configuration.state(), world.clock.now)), {
      ok: true,
      reason: /number \d+, \d+ s old/,
    })

    reader.intercept = () => {
      throw new Fault('network_error')
    }
    await reader.restart()
    t.ok(isSuspended(reader), 'a restart without the registry knows it')
    reader.intercept = undefined
    await node.stop()
    t.equal(await codeOf(reader.configuration.refreshSuspensions()), 'network_error')
    t.ok(isSuspended(reader))
    const again = await world.start({
      settings: { public: node.settings.public, publicUrl: node.settings.publicUrl },
    })
    reader.node = again
    const [row] = (await again.must('GET', '/suspensions')) as { id: number }[]
    t.equal((await again.call('DELETE', `/suspensions/${row!.id}`)).status, 204)
    await until('an empty list', async (saw) => saw(payload(await listText(again))).suspended.length === 0)
    await reader.configuration.refreshSuspensions()
    t.notOk(isSuspended(reader), 'lifted')
  },
)

void t.test('a list that is withheld, forged, foreign or older', async (t) => {
  const { world, node } = await openRegistry(t)
  const reader = await readerOf(t, world, node)
  reader.intercept = (url) => (isList(url) ? { status: 404, body: Buffer.alloc(0) } : undefined)
  await reader.configuration.refresh()
  t.equal(
    await codeOf(() => reader.configuration.current()),
    'suspension_list_outdated',
    'who says to have a list and gives none gives no configuration',
  )
  t.match(suspensionListFinding(reader.configuration.state(), world.clock.now), { ok: false })
  reader.intercept = undefined
  const empty = await listText(node)
  await reader.configuration.refreshSuspensions()
  t.notOk(isSuspended(reader))
  await suspendNow(node)
  await reader.configuration.refreshSuspensions()
  t.ok(isSuspended(reader))

  const honest = payload(await listText(node))
  const stranger = createConfigurationSigner('stranger')
  const byStranger = documentSigner(stranger.certificate, stranger.key)
  const next = { ...honest, number: honest.number + 1, suspended: [] }
  const refused: [string, string, string][] = [
    ['older', empty, 'global_conf_rollback'],
    ['signed by a stranger', writeSuspensionList(next, byStranger), 'invalid_global_conf_signature'],
    ['garbage', 'a.b.c', 'malformed_global_conf'],
    ['empty', '', 'malformed_global_conf'],
    [
      'a statement instead',
      (await node.get('/internalconf-statement?version=6')).bytes.toString(),
      'malformed_global_conf',
    ],
  ]
  const give = (text: string): void => {
    reader.intercept = (url) => (isList(url) ? { status: 200, body: Buffer.from(text) } : undefined)
  }
  for (const [what, text, code] of refused) {
    give(text)
    t.equal(await codeOf(reader.configuration.refreshSuspensions()), code, what)
    await reader.configuration.refresh()
    t.ok(isSuspended(reader), what)
  }
  give(empty)
  await reader.restart()
  t.equal(await codeOf(reader.configuration.refreshSuspensions()), 'global_conf_rollback', 'after a restart')
  for (const file of readdirSync(path.join(reader.directory, 'suspensions')))
    writeFileSync(path.join(reader.directory, 'suspensions', file), empty)
  await reader.restart()
  t.equal(
    await codeOf(() => reader.configuration.current()),
    'suspension_list_outdated',
    'nor is an older one taken from disk',
  )
  t.equal(await codeOf(reader.configuration.refreshSuspensions()), 'global_conf_rollback')
  reader.intercept = undefined
  await reader.configuration.refreshSuspensions()
  t.ok(isSuspended(reader))

  // All other documents come, the list does not: nobody gets longer than what the registry signed.
  reader.intercept = (url) => (isList(url) ? { status: 503, body: Buffer.alloc(0) } : undefined)
  for (const [minutes, code] of [
    [1, 'accepted'],
    [8, 'accepted'],
    [2, 'suspension_list_outdated'],
  ] as const) {
    world.clock.now += minutes * MINUTE
    await publish(node)
    await reader.configuration.refresh()
    t.equal(await codeOf(() => reader.configuration.current()), code)
  }
  t.match(suspensionListFinding(reader.configuration.state(), world.clock.now), { ok: false })
  const late = { ...reader.configuration.state() }
  t.match(asSent(suspensionListFinding(late, world.clock.now - 5 * MINUTE)), {
    ok: true,
    reason: /no newer .* can be had/,
  })
  reader.intercept = undefined
  await reader.configuration.refreshSuspensions()
  t.ok(isSuspended(reader), 'and it comes back by itself')
})

void t.test('an X-Road instance has no list, and needs none', async (t) => {
  const world = await createWorld(t)
  const configuration = await world.ready({ index: 5 })
  await configuration.refreshSuspensions()
  t.same(configuration.current().suspensionsUntil, undefined)
  t.equal(configuration.current().configurationHead, undefined)
  t.same(suspensionListFinding(configuration.state(), world.clock.now), { ok: true })
  t.same(registryFinding(configuration.state()), { ok: true })
  t.notOk(world.source.requests.some((one) => /suspensions|log-proof/.test(one)))
})
