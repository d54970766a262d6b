/**
 * How a member terminates, declines and withdraws a contract at its server, on both stores: who may, how many
 * people it takes, and whether an API key can.
 */
import t from 'tap'
import type { MemberAct } from '#schemas/contract.ts'
import { eachDatabase } from '#test/databases.ts'
import { contentAt, hashOf } from '#test/fakes/contracts.ts'
import { type Browser, openBrowser, startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { createAdminWorld } from '#test/management-api/admin-fixture.ts'
import { createContractKeep } from '../../global-configuration/contracts/store.ts'
import type { KeptContract } from '../../global-configuration/contracts/verify-contract.ts'
import { endedByOthers, endHandlers, endingsOf, endingView } from './end.ts'

const SIGNATORY = 'XROAD_CONTRACT_SIGNATORY'
const DAY = 86_400_000
const issuer = await startOpenIdProvider(t)

void t.test('who ends what, and how many it takes', async (t) => {
  await eachDatabase(t, async (database, t, url) => {
    const world = await createAdminWorld(t, {
      login: issuer,
      ...(database.dialect === 'sqlite' ? {} : { databaseUrl: url }),
    })
    // The provider uses the real time.
    world.world.now = Date.now()
    const { ask, base, rooms } = world
    const clock = { now: Date.now() }
    const content = contentAt(clock.now, { provider: 'DEV/GOV/1000/plain' })
    const hash = hashOf(content)
    const kept = { content, listed: { hash, state: 'ACTIVE' }, joined: [] } as unknown as KeptContract
    const sent: { act: MemberAct; reason: string; mandated: string[] }[] = []
    const all = {
      ...rooms,
      clock: () => clock.now,
      keys: {
        signingIdentity: ({ memberCode }: { memberCode: string }) => {
          if (memberCode !== '1000') throw new Error('no key')
        },
      },
      contracts: { agreements: createContractKeep(world.database) },
    } as unknown as Parameters<typeof endHandlers>[0]
    const handlers = endHandlers(all, {
      versionOf: () => kept,
      send: async (_, { document }) => {
        sent.push(document as (typeof sent)[number])
        return { contract: content.contract, version: 1, hash, state: 'TERMINATED' }
      },
    })
    const idOf = async (who: Browser): Promise<string> =>
      ((await who.api(base, 'GET', '/session')).body as { id: string }).id
    const invited = async (subject: string): Promise<{ kind: 'person'; id: string; name: string }> => {
      t.equal((await ask('POST', '/people', { subject, roles: [SIGNATORY] })).status, 201)
      const browser = openBrowser(t)
      t.match(await browser.login(base, subject), { status: 200 })
      return { kind: 'person', id: await idOf(browser), name: subject }
    }
    const { id: keyId } = (await ask('POST', '/api-keys', { name: 'k', roles: [SIGNATORY] })).body
    const key = { kind: 'key' as const, id: String(keyId), name: 'k' }
    const doing = (operation: string, caller: object, more: object = {}) =>
      handlers[operation]!({
        params: { id: content.contract },
        body: { contentHash: hash, member: 'DEV:GOV:1000', reason: 'Repealed.', ...more },
        caller,
      } as never)
    const end = (caller: object, more: object = {}) => doing('terminateContract', caller, more)

    // While nobody can log in, an API key may decline or withdraw a proposal. It never ends a contract that
    // may be in force.
    for (const operation of ['declineContract', 'withdrawContract'])
      t.match(await doing(operation, key), { state: 'TERMINATED' })
    t.match(sent.splice(0), [
      { act: 'decline', mandated: [`k (${key.id})`] },
      { act: 'withdraw', mandated: [`k (${key.id})`] },
    ])
    await t.rejects(end(key), { code: 'not_in_person' })

    const anna = await invited('anna')
    for (const operation of ['declineContract', 'withdrawContract'])
      await t.rejects(doing(operation, key), { code: 'not_in_person' }, 'one who can log in is enough')
    t.match(await doing('declineContract', anna), { state: 'TERMINATED' })
    t.match(sent.splice(0), [{ act: 'decline', mandated: [`anna (${anna.id})`] }])

    const ben = await invited('ben')
    await t.rejects(end(anna, { member: 'DEV:GOV:9' }), Error, 'no key of it here')
    await t.rejects(end(key), { code: 'not_in_person' })
    t.same(await end(anna), { contract: content.contract, version: 1, hash, agreed: 1, needed: 2 })
    clock.now += 1000
    await t.rejects(end(anna), { code: 'second_signatory_needed' }, 'never the same person twice')
    t.match(await end(anna, { reason: 'No longer needed.' }), { agreed: 1 }, 'another reason, still alone')
    const [waiting] = await endingsOf([kept], all)
    t.match(endingView(waiting!, ben), {
      ...{ member: 'DEV/GOV/1000', by: 'anna', byYou: false, reason: 'No longer needed.' },
    })
    t.match(endingView(waiting!, anna), { byYou: true })
    t.same(await endedByOthers([kept], ben, all), [kept])
    t.same(await endedByOthers([kept], anna, all), [], 'she has done her part')
    await t.rejects(end(ben), { code: 'contract_not_possible' }, 'with the same reason only')
    t.same(sent, [], 'nothing went out')
    t.match(await end(ben, { reason: 'No longer needed.' }), { agreed: 2, needed: 2, state: 'TERMINATED' })
    t.match(sent.splice(0), [
      { act: 'terminate', reason: 'No longer needed.', mandated: [`anna (${anna.id})`, `ben (${ben.id})`] },
    ])
    t.same(await endingsOf([kept], all), [])

    // Void: an ending without a second person in time, and one by somebody who lost the mandate.
    t.match(await end(anna), { agreed: 1 })
    clock.now += 30 * DAY
    t.same(await endingsOf([kept], all), [])
    t.match(await end(ben), { agreed: 1 }, 'he is the first')
    t.equal((await ask('PUT', `/people/${ben.id}/lock`)).status, 204)
    t.same(await endingsOf([kept], all), [])
    t.match(await end(anna), { agreed: 1 })
    t.same(sent, [])

    // Two people at once find hers void: neither forgets what the other said in its place.
    clock.now += 30 * DAY
    const [carl, dora] = [await invited('carl'), await invited('dora')]
    const { agreements } = all.contracts
    let isFirst = true
    all.contracts.agreements = {
      ...agreements,
      async end(own) {
        const found = await agreements.end(own)
        if (isFirst) {
          isFirst = false
          t.match(await end(carl), { agreed: 1 })
        }
        return found
      },
    }
    t.match(await end(dora), { agreed: 2 })
    t.match(sent, [{ mandated: [`carl (${carl.id})`, `dora (${dora.id})`] }])
  })
})
