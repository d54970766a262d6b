/** Access rights from both ends, as the management API shows them by page. */
import t from 'tap'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { createAdminWorld } from '#test/management-api/admin-fixture.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import { createPeerWorld } from '../../peer/peer-fixture.ts'

const CLIENT = 'DEV:GOV:1000:population'
const TAX = 'DEV:GOV:1000:tax'

/** Counts how often the long lists of a configuration are asked for. */
function countLists(real: GlobalConfiguration): {
  globalConfiguration: GlobalConfiguration
  listed(): number
} {
  const counted = new Map<ConfigurationIndex, ConfigurationIndex>()
  let lists = 0
  const counting = (index: ConfigurationIndex): ConfigurationIndex => {
    const known = counted.get(index)
    if (known !== undefined) return known
    const one = Object.defineProperty({ ...index }, 'shared', {
      get() {
        lists++
        return index.shared
      },
    })
    counted.set(index, one)
    return one
  }
  const current = () => {
    const snapshot = real.current()
    return { ...snapshot, indexes: () => snapshot.indexes().map(counting) }
  }
  return { globalConfiguration: { ...real, current }, listed: () => lists }
}

t.test('who can be given a right, who has some, and to what', async (t) => {
  // Only what it says is asked for.
  const { globalConfiguration, listed } = countLists(
    (await createPeerWorld(t)).globalConfiguration as GlobalConfiguration,
  )
  const { ask } = await createAdminWorld(t, { globalConfiguration })
  const created = async (url: string, body: object) => {
    const reply = await ask('POST', url, body)
    t.equal(reply.status, 201, `${url} ${JSON.stringify(reply.body).slice(0, 200)}`)
    return reply.body as { id: number; services: { id: number }[]; warning?: string }
  }
  const page = async (url: string) => {
    const { status, headers, raw } = await ask('GET', url)
    t.equal(status, 200, url)
    return {
      total: Number(headers['x-total-count']),
      rows: JSON.parse(raw.toString()) as { subjectId: string; warning?: string }[],
    }
  }
  const ids = async (url: string) => (await page(url)).rows.map(({ subjectId }) => subjectId)
  await created('/clients', { id: CLIENT })
  await created('/clients', { id: 'DEV:GOV:1000' })
  const [first, second] = [await page('/clients?limit=1'), await page('/clients?limit=1&offset=1')]
  t.ok(first.rows.length === 1 && second.rows.length === 1 && first.total > 1)
  t.notSame(first.rows, second.rows)

  const descriptions = `/clients/${CLIENT}/service-descriptions`
  const services: number[] = []
  for (const serviceCode of ['one', 'two']) {
    const made = await created(descriptions, {
      type: 'REST',
      serviceCode,
      url: `http://10.0.0.1/${serviceCode}`,
    })
    services.push(made.services[0]!.id)
  }
  t.match(await page(`${descriptions}?q=TWO`), { total: 1, rows: [{ url: 'http://10.0.0.1/two' }] })
  t.match(await page(`${descriptions}?limit=1&offset=1`), {
    total: 2,
    rows: [{ url: 'http://10.0.0.1/two' }],
  })
  t.equal((await page(descriptions)).rows.length, 2, 'all of them without a limit')
  t.equal((await page(`/services?clientId=${CLIENT}`)).total, 2)
  t.match(await page(`/services?clientId=${CLIENT}&q=TWO`), { total: 1, rows: [{ serviceCode: 'two' }] })
  t.equal((await page('/services?clientId=DEV:GOV:1000')).total, 0, 'those of one client only')
  t.equal((await ask('GET', '/services?clientId=DEV:GOV:9:none')).status, 404)

  await created(`/clients/${CLIENT}/local-groups`, { code: 'friends', description: 'of ours' })
  const candidates = `/clients/${CLIENT}/service-client-candidates`
  const all = await page(candidates)
  t.match(
    all.rows[0],
    { subjectType: 'LOCALGROUP', subjectId: 'friends', name: 'of ours' },
    'own groups first',
  )
  t.ok(all.rows.some(({ subjectId }) => subjectId === TAX))
  t.strictSame(await ids(`${candidates}?q=TAX&subjectType=SUBSYSTEM`), [TAX])
  t.strictSame(await ids(`${candidates}?subjectType=LOCALGROUP`), ['friends'])
  t.strictSame(await ids(`${candidates}?q=nobody`), [])
  for (const query of ['', 'q=o&', 'q=dev:gov&', 'subjectType=SUBSYSTEM&']) {
    const whole = await page(`${candidates}?${query}limit=500`)
    t.ok(whole.total > 1)
    const single: object[] = []
    for (let offset = 0; offset <= whole.total; offset++) {
      const one = await page(`${candidates}?${query}limit=1&offset=${offset}`)
      t.equal(one.total, whole.total)
      single.push(...one.rows)
    }
    t.strictSame(single, whole.rows, `page by page, ${query}`)
  }
  t.ok(listed() > 0 && listed() < 8, `the configuration was gone through once, ${listed()} lists`)

  const endpoint = await created(`/services/${services[0]}/endpoints`, { method: 'GET', path: '/a' })
  await created(`/services/${services[0]}/access-rights`, {
    ...{ subjectType: 'SUBSYSTEM', subjectId: TAX, endpointId: endpoint.id },
  })
  for (const id of services)
    await created(`/services/${id}/access-rights`, { subjectType: 'LOCALGROUP', subjectId: 'friends' })
  await created(`/services/${services[1]}/access-rights`, {
    subjectType: 'GLOBALGROUP',
    subjectId: 'not-there',
  })
  const unknown = await created(`/services/${services[0]}/access-rights`, {
    ...{ subjectType: 'SUBSYSTEM', subjectId: 'DEV:GOV:5678:txa' },
  })
  const warning =
    'DEV/GOV/5678/txa is not registered in the instance: it cannot use this until it is. Check the identifier'
  t.equal(unknown.warning, warning, 'it is granted, and said')
  const rights = (await page(`/services/${services[0]}/access-rights`)).rows
  t.match(
    rights.map((one) => [one.subjectId, one.warning]),
    [
      ['friends', undefined],
      ['DEV:GOV:5678:txa', warning],
      [TAX, undefined],
    ],
  )
  const clients = `/clients/${CLIENT}/service-clients`
  t.match(await page(clients), {
    total: 4,
    rows: [
      { subjectId: TAX, rights: 1, warning: undefined },
      { subjectId: 'DEV:GOV:5678:txa', rights: 1, warning },
      { subjectId: 'friends', rights: 2, name: 'of ours' },
      { subjectId: 'not-there', rights: 1, name: '', warning: /has no global group/ },
    ],
  })
  t.strictSame(await ids(`${clients}?q=friends`), ['friends'])
  const of = (type: string, id: string) =>
    page(`${clients}/access-rights?subjectType=${type}&subjectId=${id}`)
  t.match(await of('SUBSYSTEM', TAX), {
    total: 1,
    rows: [
      {
        fullServiceId: `${CLIENT}:one`,
        serviceId: services[0],
        method: 'GET',
        path: '/a',
        wholeService: false,
      },
    ],
  })
  t.match(await of('LOCALGROUP', 'friends'), {
    total: 2,
    rows: [{ wholeService: true }, { wholeService: true }],
  })
  t.match(await of('GLOBALGROUP', 'friends'), { total: 0, rows: [] }, 'a group of another kind')
  t.equal((await ask('GET', '/clients/DEV:GOV:9999:x/service-clients')).status, 404)
})
