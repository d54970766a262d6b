/** What operators see of messages under secret contracts, on both stores. */
import { AS_TAX, acknowledge, fetch, hand, onBoth, settle, structured } from './acts-fixture.ts'

const INBOX_ID = 'DEV:GOV:2000:population:assessments'
const STRUCTURED = { ...AS_TAX, 'content-type': 'application/cloudevents+json' }
const CLEARED = ['XROAD_SERVICE_ADMINISTRATOR', 'XROAD_SECRECY_AUDITOR']
type Item = { delivery: string; position: number; senderId: string | null }

await onBoth('messages under secret contracts', async (t, made) => {
  const { sender, receiver } = made
  const listed = async (side: typeof sender, box: string, more: object = {}, roles?: string[]) => {
    const query = { box, limit: 10, ...more }
    const { items } = (await side.operation('getDeliveries', {
      query,
      ...(roles !== undefined && { roles }),
    })) as { items: Item[] }
    return items
  }

  await t.test('their parties are shown to nobody who may not see their exchanges', async (t) => {
    const open = (await hand(made, { id: 'open' })).body['id']
    await settle(made)
    const mayGoOn = Promise.withResolvers<void>()
    made.way = async (post) => {
      await mayGoOn.promise
      return post()
    }
    const of = new Map<string, unknown>()
    for (const secrecy of [1, 2] as const) {
      made.secrecy = secrecy
      of.set(`secret${secrecy}`, (await hand(made, { id: `secret${secrecy}` })).body['id'])
    }
    made.secrecy = 1
    mayGoOn.resolve()
    await settle(made)
    made.secrecy = undefined
    for (const [side, box] of [
      [sender, 'outbox'],
      [receiver, 'inbox'],
    ] as const) {
      const nobodys = box === 'outbox' ? [of.get('secret2')] : []
      const shownTo = async (roles?: string[]) =>
        (await listed(side, box, {}, roles))
          .filter(({ senderId }) => senderId !== null)
          .map(({ delivery }) => delivery)
      const foundBy = async (roles?: string[]) =>
        (await listed(side, box, { inboxId: INBOX_ID }, roles)).map(({ delivery }) => delivery)
      const all = (await listed(side, box)).map(({ delivery }) => delivery)
      const secret = [...of.values()]
      t.equal(all.length, 3)
      t.notOk(
        (await shownTo()).some((one) => secret.includes(one)),
        box,
      )
      t.notOk(
        (await foundBy()).some((one) => secret.includes(one)),
        'nor found by inbox',
      )
      t.strictSame(
        await shownTo(CLEARED),
        all.filter((one) => !nobodys.includes(one)),
        'with the role, unless nobody may',
      )
      t.strictSame(await foundBy(CLEARED), await shownTo(CLEARED))
      if (box === 'outbox') t.strictSame(await shownTo(), [open])
    }
    for (const { id } of await fetch(made)) await acknowledge(made, id)
  })

  await t.test('they can be discarded without being seen', async (t) => {
    made.secrecy = 1
    await hand(made, { id: 'away', expirytime: new Date(made.world.clock() + 1e9).toISOString() })
    await settle(made)
    made.secrecy = undefined
    const [hidden] = await listed(receiver, 'inbox', { state: 'waiting' })
    t.match(hidden, { senderId: null, inboxId: null, isSecret: true })
    const body = { box: 'inbox', positions: [hidden!.position], reason: 'wrong' }
    t.strictSame(await receiver.operation('discardDeliveries', { body }), { discarded: 1 })
  })

  await t.test('an inbox that got such messages alone is not named', async (t) => {
    const named = async (roles?: string[]) => {
      const found = await sender.operation('getDeliveries', {
        ...{ query: { box: 'outbox', limit: 1 }, ...(roles !== undefined && { roles }) },
      })
      return (found as { inboxes: string[] }).inboxes
    }
    const other = INBOX_ID.replace('assessments', 'other')
    const handOther = (id: string) =>
      sender.ask('POST', `/deliveries/v1/${other.replaceAll(':', '/')}`, STRUCTURED, structured({ id }))
    made.secrecy = 1
    await handOther('secret')
    t.strictSame(await named(), [INBOX_ID])
    t.strictSame(await named(CLEARED), [INBOX_ID, other])
    made.secrecy = 2
    await handOther('more secret')
    t.strictSame(await named(CLEARED), [INBOX_ID, other])
    made.secrecy = undefined
    await handOther('open')
    t.strictSame(await named(), [INBOX_ID, other], 'openly known')
  })

  await t.test('rows of before are hidden until their facts were read', async (t) => {
    const { kysely } = sender.database as unknown as {
      kysely: import('kysely').Kysely<Record<string, Record<string, unknown>>>
    }
    await kysely.updateTable('outbox').set({ secrecy: 2, named_by: '' }).execute()
    t.strictSame(
      (await listed(sender, 'outbox')).filter(({ senderId }) => senderId !== null),
      [],
    )
    await sender.restart()
    t.equal((await listed(sender, 'outbox')).filter(({ senderId }) => senderId !== null).length, 2)
  })
})
