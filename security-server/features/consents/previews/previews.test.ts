/** Answers that people see first: the ways of a person and a consumer, and everybody who is neither. */
import { createHash, randomUUID } from 'node:crypto'
import t from 'tap'
import { previewDigest } from '#core/consent/preview-document.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, parseSubsystemId } from '#schemas/identifiers.ts'
import type { Preview, PreviewShown, Previews } from '#schemas/previews.ts'
import { contentAt } from '#test/fakes/contracts.ts'
import { SERVER } from '../../../message-log/fixture.ts'
import { createPeerQuota } from '../../../peer/peer-quota.ts'
import { readPreviewReference } from '../../../peer/preview-reference.ts'
import type { PreviewQuestion } from '../../../peer/previews.ts'
import { openConsents } from '../consents-fixture.ts'
import { previewCounts, previewHandlers } from './handlers.ts'
import { createPreviews } from './hold-answers.ts'

const CLIENT = parseSubsystemId('DEV/GOV/5678/client')
const PORTAL = parseSubsystemId('DEV/GOV/9999/portal')
const HASH = 'ab'.repeat(32)
const shown = { language: 'et', textHash: HASH }
const now = { at: Date.now() }
const content = contentAt(now.at, {
  ...{ personalData: true, provider: 'DEV/GOV/1234/population' },
  consumers: { subsystems: ['DEV/GOV/5678/client'] },
  services: [
    {
      serviceCode: 'persons',
      endpoints: [{ method: 'GET', path: '/persons/*' }],
      dataSubject: { in: 'path', name: 'id' },
    },
  ],
  preview: { minutes: 30 },
})
const servers = [{ id: SERVER }]

const { ask, rooms } = await openConsents(t, { now, contracts: [{ content, joined: [] }], servers })
const settings = { ...rooms.settings, previewUrl: 'https://portal.example/previews/' }
const held = createPreviews({ ...rooms, settings })

const asked = (more: Partial<PreviewQuestion> & { code?: string } = {}): PreviewQuestion => {
  const { code = 'P1', ...rest } = more
  return {
    ...{ person: { type: 'personal-code', identifier: code }, client: 'DEV/GOV/5678/client' },
    ...{ service: 'DEV/GOV/1234/population/persons', contract: `${content.contract}/1` },
    terms: { contract: content.contract, minutes: 30, places: [] },
    ...{ call: 'c1', ids: { id: 'Q', requestId: randomUUID() } },
    ...rest,
  }
}
const answerOf = (text: string) => ({
  ...{ status: 200, contentType: 'application/json', bytes: Buffer.from(text) },
  digest: createHash('sha256').update(text).digest('hex'),
})
/** What the portal sends back for the answer that waits. */
async function released({ preview }: { preview: { preview: string } }) {
  return { answer: (await rooms.previews.byNumber(preview.preview))!.answer, shown }
}
/** What the consumer is told. */
function toldBy({ what = '' }: { what: string | undefined }) {
  const [, reference = '', url = ''] = /Preview-Reference: (\S+); (\S+); until /.exec(what) ?? []
  return { reference, token: /\/population\/([\w-]{43})\//.exec(url)?.[1] ?? '', url }
}

t.test('a person sees the answer, releases it, and it leaves once', async (t) => {
  const fault = await held.hold(asked(), answerOf('{"secretName":"Mari"}'))
  t.equal(fault.code, 'preview_required')
  const { reference, token, url } = toldBy(fault)
  t.match(reference, /^[\w-]{43}\/DEV\/GOV\/1234\/ss1$/, 'whose it is, though there is one: another may come')
  t.match(
    url,
    /^https:\/\/portal\.example\/previews\/DEV\/GOV\/1234\/population\/[\w-]{43}\/DEV\/GOV\/1234\/ss1$/,
  )
  const row = (await rooms.previews.byNumber(fault.preview.preview))!
  t.notMatch(
    JSON.stringify(row),
    /Mari|secretName|"P1"|TWFyaQ/,
    'neither the answer nor the person stands in the open',
  )
  t.notMatch(JSON.stringify(row), new RegExp(`${reference}|${token}`))
  await t.rejects(held.take(asked(), reference), { code: 'preview_waiting', retryAfter: 5 })
  await t.rejects(held.checkDecided(asked(), reference), { code: 'preview_waiting', retryAfter: 5 })
  for (const more of [{ call: 'c2' }, { code: 'P2' }, { client: 'DEV/GOV/5678/other' }])
    await held.checkDecided(asked(more), reference)

  const seen = (await ask(`GET /v1/previewed/${token}`)).body as PreviewShown
  t.match(seen, {
    ...{ state: 'WAITING', client: { id: 'DEV:GOV:5678:client' }, purpose: content.purpose },
    answer: { status: 200, contentType: 'application/json', digest: row.answer },
  })
  t.equal(Buffer.from(seen.answer!.content, 'base64').toString(), '{"secretName":"Mari"}')
  const path = `/v1/previews/${seen.number}`
  t.same((await ask(`GET ${path}`)).body, seen)

  t.equal(
    (await ask(`POST ${path}/release`, { body: { answer: HASH, shown } })).status,
    409,
    'another answer',
  )
  t.equal(
    (await ask(`POST ${path}/release`, { body: { answer: row.answer, shown }, client: CLIENT })).status,
    403,
    'a consumer does not release to itself',
  )
  const released = await ask(`POST ${path}/release`, { body: { answer: row.answer, shown } })
  t.match(released, { status: 200, body: { state: 'RELEASED', decidedAt: String } })
  t.equal((await ask(`POST ${path}/release`, { body: { answer: row.answer, shown } })).status, 409, 'once')
  const after = (await rooms.previews.byNumber(seen.number))!
  t.equal(after.content, null, 'nothing of the answer is kept')
  t.equal(previewDigest(JSON.parse(after.document!)), after.digest)
  t.equal((await ask(`GET /v1/previewed/${token}`)).status, 404, 'the url has served')

  const question = asked()
  const taken = await held.take(question, reference)
  t.match(taken, { number: seen.number, digest: after.digest! })
  t.same(
    [await taken.isReleased(answerOf('{"secretName":"Mari"}')), await taken.isReleased(answerOf('{}'))],
    [true, false],
  )
  await t.rejects(held.take(asked(), reference), { code: 'preview_void' }, 'two at a time')
  await taken.giveBack()
  const again = await held.take(question, reference)
  await again.give()
  await t.rejects(held.take(asked(), reference), { code: 'preview_void' }, 'once')
  const { body } = await ask('GET /v1/previews')
  t.match((body as Previews).previews, [{ state: 'GIVEN', givenAt: String }])
  const look = previewHandlers(rooms)['getPreviewByNumber']!
  const found = await look({ params: { id: seen.number.toUpperCase() } } as never)
  t.match(found, { state: 'GIVEN', digest: after.digest!, document: { decision: 'released', shown } })
  t.notMatch(JSON.stringify(found), /content|Mari|"P1"/)
  await t.rejects(async () => look({ params: { id: randomUUID() } } as never), { code: 'not_found' })
  t.match(await previewCounts('DEV/GOV/1234/population', rooms), { waiting: 0, given: 1, stopped: 0 })
})

t.test('a request id of many answers: each record finds its own, among those of its person', async (t) => {
  const ids = { id: 'Q', requestId: randomUUID() }
  const give = async (code: string, call: string): Promise<string> => {
    const fault = await held.hold(asked({ code, call, ids }), answerOf('{}'))
    const number = fault.preview.preview
    const path = `POST /v1/previews/${number}/release`
    const body = await released(fault)
    t.equal((await ask(path, { userId: `EE${code}`, body })).status, 200)
    await (await held.take(asked({ code, call, ids }), toldBy(fault).reference)).give()
    return number
  }
  const [own, second] = [await give('R1', 'of one'), await give('R1', 'of one, again')]
  const others = [await give('R2', 'of another'), await give('R3', 'of a third')]
  const { service, client } = asked()
  const key = `${ids.requestId} ${service} ${client}`
  const find = async (code: string, numbers: (string | undefined)[]) => {
    const person = await rooms.nameOf(asked({ code }).person)
    const calls = numbers.map((number) => ({ requestId: ids.requestId, number }))
    return [...(await rooms.previews.previewsOf({ person, calls }))]
  }
  t.same(await find('R1', [own]), [[key, [own]]])
  t.same((await find('R1', [own, second]))[0]?.[1].toSorted(), [own, second].toSorted())
  t.same(await find('R1', others), [], 'those of others are not found by their numbers')
  t.same(await find('R1', [undefined]), [[key, []]], 'there are some, and no record says which')
  t.same(await find('R4', [undefined]), [])
})

t.test('nobody guesses from the database who or what a preview is about', async (t) => {
  // As the message path makes it of GET /persons/P1.
  const call = createHash('sha256')
    .update(JSON.stringify(['GET', '/persons/P1', null, null]))
    .digest('hex')
  const question = asked({ call })
  const answer = answerOf('true')
  const faults = [await held.hold(question, answer), await held.hold(asked({ call, code: 'P2' }), answer)]
  const rows = await Promise.all(faults.map(({ preview }) => rooms.previews.byNumber(preview.preview)))
  t.notMatch(JSON.stringify(rows), new RegExp(`${call}|${answer.digest}`))
  t.not(rows[0]!.answer, rows[1]!.answer, 'the same answer about two people')
  t.match(rows[0], { answer: /^[0-9a-f]{64}$/ })
  await t.rejects(
    held.take(question, toldBy(faults[0]!).reference),
    { code: 'preview_waiting' },
    'found all the same',
  )
})

t.test('it is stopped while it waits, when it was released, and while the call is under way', async (t) => {
  for (const at of ['waiting', 'released', 'under way']) {
    const question = asked({ call: at })
    const fault = await held.hold(question, answerOf('{}'))
    const { reference } = toldBy(fault)
    const path = `/v1/previews/${fault.preview.preview}`
    if (at !== 'waiting') await ask(`POST ${path}/release`, { body: await released(fault) })
    const taken = at === 'under way' ? await held.take(question, reference) : undefined
    t.match((await ask(`POST ${path}/stop`)).body as Preview, { state: 'STOPPED' }, at)
    const row = await rooms.previews.byNumber(fault.preview.preview)
    t.match(JSON.parse(row!.document!), { decision: 'stopped' })
    const look = previewHandlers(rooms)['getPreviewByNumber']!
    const { releasedBefore } = (await look({ params: { id: row!.number } } as never)) as {
      releasedBefore: null
    }
    if (at === 'waiting') t.equal(releasedBefore, null)
    else t.match(releasedBefore, { decision: 'released', shown }, 'by which calls were logged')
    if (taken !== undefined) {
      t.equal(previewDigest(releasedBefore as never), taken.digest)
      await t.rejects(taken.give(), { code: 'preview_stopped', preview: { previewAt: String } })
      await taken.giveBack()
    }
    await t.rejects(held.take(question, reference), { code: 'preview_stopped' }, at)
    t.equal((await ask(`POST ${path}/stop`)).status, 409)
    t.notOk(((await ask(`GET ${path}`)).body as PreviewShown).answer)
  }
  const question = asked({ call: 'given' })
  const fault = await held.hold(question, answerOf('{}'))
  const path = `/v1/previews/${fault.preview.preview}`
  await ask(`POST ${path}/release`, { body: await released(fault) })
  await (await held.take(question, toldBy(fault).reference)).give()
  t.equal((await ask(`POST ${path}/stop`)).status, 409, 'too late')
})

t.test('an answer is stopped whatever else is asked through the portal', async (t) => {
  const { quota } = rooms
  t.teardown(() => {
    rooms.quota = quota
  })
  const path = `/v1/previews/${(await held.hold(asked({ call: 'busy' }), answerOf('{}'))).preview.preview}`
  rooms.quota = createPeerQuota({ perSecond: 0, burst: 1, underWay: 1, clock: () => now.at })
  rooms.quota.enter(PORTAL)
  t.equal((await ask(`GET ${path}`)).status, 429)
  t.match(await ask(`POST ${path}/stop`), { status: 200, body: { state: 'STOPPED' } })
})

t.test('nobody else learns anything', async (t) => {
  const fault = await held.hold(asked(), answerOf('{}'))
  const { reference, token } = toldBy(fault)
  const path = `/v1/previews/${fault.preview.preview}`
  const body = await released(fault)
  const nowhere = await ask(`GET /v1/previews/${randomUUID()}`, { userId: 'EEP2' })
  for (const line of [
    `GET ${path}`,
    `GET /v1/previewed/${token}`,
    `POST ${path}/release`,
    `POST ${path}/stop`,
  ]) {
    const q = line.endsWith('release') ? { body } : {}
    const other = await ask(line, { userId: 'EEP2', ...q })
    t.equal(other.status, 404, line)
    t.match(other.body, { code: (nowhere.body as { code?: string }).code }, 'as of one that never was')
  }
  t.match((await ask('GET /v1/previews', { userId: 'EEP2' })).body, { previews: [] })
  for (const [what, question] of Object.entries({
    client: asked({ client: 'DEV/GOV/5678/other' }),
    service: asked({ service: 'DEV/GOV/1234/population/others' }),
    call: asked({ call: 'c2' }),
    person: asked({ code: 'P2' }),
    contract: asked({ terms: { contract: randomUUID(), minutes: 30, places: [] } }),
  }))
    await t.rejects(held.take(question, reference), { code: 'preview_void', what: undefined }, what)
  for (const forged of ['', 'x', fault.preview.preview, token, '%27; drop table preview', 'a'.repeat(9999)])
    await t.rejects(held.take(asked(), forged), { code: 'preview_void', what: undefined })
  for (const bad of [{}, { answer: 'x', shown }, { ...body, more: 1 }, { answer: body.answer }, '{', '[]'])
    t.equal((await ask(`POST ${path}/release`, { body: bad })).status, 400)
})

t.test('time runs out, the consumer asks anew, the source has changed', async (t) => {
  const began = now.at
  t.teardown(() => {
    now.at = began
  })
  const first = await held.hold(asked(), answerOf('{}'))
  const second = await held.hold(asked(), answerOf('{}'))
  await t.rejects(held.take(asked(), toldBy(first).reference), { code: 'preview_void' }, 'asked anew')
  const release = async (fault: typeof first) =>
    ask(`POST /v1/previews/${fault.preview.preview}/release`, { body: await released(fault) })
  t.equal((await release(first)).status, 409)
  t.equal((await release(second)).status, 200)
  const question = asked()
  const taken = await held.take(question, toldBy(second).reference)
  t.notOk(await taken.isReleased(answerOf('{"new":1}')))
  const third = await held.hold(question, answerOf('{"new":1}'))
  await taken.giveBack()
  await t.rejects(held.take(asked(), toldBy(second).reference), { code: 'preview_void' }, 'changed')
  t.equal((await release(third)).status, 200)
  now.at += 30 * 60_000
  await t.rejects(
    held.take(asked(), toldBy(third).reference),
    { code: 'preview_void' },
    'not fetched in time',
  )
  const fourth = await held.hold(asked(), answerOf('{}'))
  now.at += 30 * 60_000
  await t.rejects(held.take(asked(), toldBy(fourth).reference), { code: 'preview_void' })
  t.match((await ask(`GET /v1/previews/${fourth.preview.preview}`)).body, {
    state: 'OVER',
    answer: undefined,
  })
  t.equal((await release(fourth)).status, 409)
  await rooms.previews.expire(new Date(now.at).toISOString())
  t.match(await rooms.previews.byNumber(fourth.preview.preview), { state: 'VOID', content: null })
  const later = new Date(now.at + 1).toISOString()
  await rooms.previews.forget(new Date(0).toISOString(), later)
  t.equal(await rooms.previews.byNumber(fourth.preview.preview), undefined)
  t.ok(await rooms.previews.byNumber(third.preview.preview), 'what was decided is kept longer')
})

t.test('as many wait as may, and no more', async (t) => {
  const many = (i: number, code: string) =>
    asked({ call: `many ${i}`, client: `DEV/GOV/56_8/many${i % 10}`, code })
  const isFull = async (question: PreviewQuestion, what: string) => {
    await t.rejects(held.checkRoom(question), { code: 'too_many_requests', retryAfter: 60 }, what)
    await t.rejects(held.hold(question, answerOf('{}')), { code: 'too_many_requests' }, what)
  }
  for (let i = 0; i < 100; i++) await held.hold(many(i, 'P5'), answerOf('{}'))
  await isFull(many(100, 'P5'), 'about one person, of a member, in a day')
  await held.checkRoom(many(100, 'P6'))
  await held.checkRoom(asked({ code: 'P5' }))
  for (let i = 0; i < 100; i++) await held.hold(many(i, `Q${i}`), answerOf('{}'))
  await isFull(many(100, 'P6'), 'whichever subsystem of the member asks')
  await held.checkRoom(asked())
  const first = (await ask('GET /v1/previews', { userId: 'EEP5' })).body as Previews
  t.equal(first.previews.length, 50)
  const next = (await ask(`GET /v1/previews?cursor=${first.next}`, { userId: 'EEP5' })).body as Previews
  t.notOk(next.previews.some(({ number }) => first.previews.some((one) => one.number === number)))
})

t.test(
  'of several servers the one that was asked keeps the answer, and nothing of it is known at the others',
  async (t) => {
    const second = { ...SERVER, serverCode: 'zweiter é' }
    servers.push({ id: second })
    t.teardown(() => {
      servers.length = 1
    })
    const there = await openConsents(t, { now, contracts: [{ content, joined: [] }], servers })
    const others = { ...there.rooms, server: second, settings }
    const other = createPreviews(others)
    const fault = await other.hold(asked(), answerOf('{"a":1}'))
    const { reference, url } = toldBy(fault)
    t.match(reference, /^[\w-]{43}\/DEV\/GOV\/1234\/zweiter%20%C3%A9$/, 'in the characters of a header')
    t.same(readPreviewReference(reference)?.server, second)
    t.match(url, /\/DEV\/GOV\/1234\/population\/[\w-]{43}\/DEV\/GOV\/1234\/zweiter/)

    const elsewhere = { code: 'preview_elsewhere', what: `name ${idText(second)} in X-Road-Security-Server` }
    await t.rejects(held.checkDecided(asked(), reference), elsewhere, 'before anything is counted')
    await t.rejects(held.take(asked(), reference), elsewhere)
    await t.rejects(other.take(asked(), reference), { code: 'preview_waiting' })
    const here = await held.hold(asked(), answerOf('{"a":1}'))
    t.match(toldBy(here).reference, /^[\w-]{43}\/DEV\/GOV\/1234\/ss1$/)
    await t.rejects(other.take(asked(), toldBy(here).reference), { code: 'preview_elsewhere' })
    const [secretOf] = reference.split('/')
    for (const named of [
      ...[`${secretOf}/DEV/GOV/1234/third`, `${secretOf}/DEV/GOV/9/x`, `${secretOf}/`, `${secretOf}/a/b`],
      ...[`${secretOf}/%zz/GOV/1234/ss1`, `/${idText(second)}`, `${secretOf}`, '', 'x'.repeat(5000)],
    ])
      await t.rejects(held.take(asked(), named), { code: 'preview_void' }, named.slice(0, 80))

    const list = (await ask('GET /v1/previews')).body as Previews
    t.same([list.elsewhere, list.toldBy], [[idText(second)], idText(SERVER)])
    const listed = list.previews.find(({ number }) => number === here.preview.preview)
    t.equal(listed?.keptAt, idText(SERVER))
    t.notOk(list.previews.some(({ number }) => number === fault.preview.preview))
    const path = `POST /v1/previews/${fault.preview.preview}/release`
    const { answer } = (await there.rooms.previews.byNumber(fault.preview.preview))!
    t.equal((await ask(path, { body: { answer, shown } })).status, 404, 'released where it is kept alone')
    t.equal((await there.ask(path, { body: { answer, shown } })).status, 200)
    const taken = await other.take(asked(), reference)
    t.ok(await taken.isReleased(answerOf('{"a":1}')))
    await taken.give()
    await t.rejects(other.take(asked(), reference), { code: 'preview_void' }, 'once')
    await t.rejects(
      held.take(asked(), toldBy(here).reference),
      { code: 'preview_waiting' },
      'the other one waits',
    )

    const { current } = rooms.globalConfiguration
    rooms.globalConfiguration.current = () => {
      throw new Fault('global_conf_outdated')
    }
    const inOutage = await held.hold(asked({ call: 'in an outage' }), answerOf('{}'))
    t.equal(inOutage.code, 'preview_required', 'kept while a contract lets calls go on in an outage')
    await t.rejects(held.take(asked(), reference), elsewhere, 'and found')
    rooms.globalConfiguration.current = current

    servers.pop()
    t.match((await ask('GET /v1/previews')).body, { elsewhere: undefined, previews: [{ keptAt: undefined }] })
    await t.rejects(
      held.take(asked(), toldBy(here).reference),
      { code: 'preview_waiting' },
      'served by one again',
    )
    await t.rejects(
      held.take(asked(), reference),
      { code: 'preview_void' },
      'of a server that serves it no more',
    )
  },
)

t.test('a database that does not answer', async (t) => {
  const down = createPreviews({
    ...rooms,
    previews: { ...rooms.previews, byReference: () => Promise.reject(new Error('down')) },
  })
  await t.rejects(down.take(asked(), 'x'.repeat(43)), { code: 'preview_unknown', retryAfter: 1 })
})
