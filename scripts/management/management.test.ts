import t from 'tap'
import { columnsOf } from './columns.ts'
import { readCommands } from './commands.ts'
import { headingOf, REGISTRY_HEADINGS, SERVER_HEADINGS } from './headings.ts'
import { readableAnswer } from './print.ts'
import { exitCodeOf } from './program-fixture.ts'
import { readCall } from './read-call.ts'

const OWN = ['why', 'body', 'json', 'all', 'output', 'help']

void t.test('every operation of both APIs is a command whose words do not clash', async (t) => {
  for (const file of ['central-registry-api.yaml', 'security-server-api.yaml']) {
    const commands = await readCommands(file)
    const names = commands.map(({ name }) => name)
    t.equal(new Set(names).size, names.length, file)
    for (const { name, options, summary } of commands) {
      t.match(name, /^[a-z]+(-[a-z0-9]+)*$/)
      t.not(summary, '', name)
      t.same(
        options.filter((one) => OWN.includes(one.name)).map((one) => one.name),
        [],
        `${name} has no field of the name of one of our options`,
      )
      t.equal(new Set(options.map((one) => one.name)).size, options.length, name)
    }
  }
})

void t.test('the help lists every operation below a heading, and no heading is empty', async (t) => {
  const apis = {
    'central-registry-api.yaml': REGISTRY_HEADINGS,
    'security-server-api.yaml': SERVER_HEADINGS,
  }
  for (const [file, headings] of Object.entries(apis)) {
    const urls = (await readCommands(file)).map(({ operation }) => operation.url)
    t.same(
      urls.filter((url) => headingOf(headings, url) === undefined),
      [],
      file,
    )
    const steps = new Set(urls.map((url) => url.split('/')[3]))
    t.same(
      Object.values(headings)
        .flat()
        .filter((step) => !steps.has(step)),
      [],
      file,
    )
  }
})

void t.test('words become the call that the API wants', async (t) => {
  const commands = await readCommands('central-registry-api.yaml')
  const call = async (name: string, ...args: string[]) =>
    (
      await readCall(commands.find((one) => one.name === name)!, args, (file) =>
        Promise.resolve(Buffer.from(`<${file}>`)),
      )
    ).call
  const jsonOf = async (name: string, ...args: string[]): Promise<unknown> =>
    JSON.parse(String((await call(name, ...args)).body))

  t.match(await call('get-members', '--q', 'a b&c', '--limit', '3'), {
    method: 'GET',
    url: '/api/v1/members?q=a+b%26c&limit=3',
    body: undefined,
  })
  t.match(await call('delete-member', 'DEV:GOV:a%2Fb/..', '--why', 'über'), {
    method: 'DELETE',
    url: '/api/v1/members/DEV%3AGOV%3Aa%252Fb%2F..',
    headers: { 'x-reason': '%C3%BCber' },
  })
  t.match(await call('activate-signing-key', 'k', '--force'), { url: /\?force=true$/ })
  t.match(await call('activate-signing-key', 'k', '--no-force'), { url: /\?force=false$/ })
  t.match(await call('add-authentication-certificate', 'DEV:GOV:1:S', 'file.der'), {
    headers: { 'content-type': 'application/octet-stream' },
    body: Buffer.from('<file.der>'),
  })
  t.same(
    await jsonOf(
      'add-certification-service',
      '--name',
      '1',
      '--certificateProfileInfo',
      'P',
      '--certificate',
      '@ca',
      '--ocspResponders',
      '{"url":"u"}',
      '--ocspResponders',
      '[{"url":"v"}]',
      '--authenticationOnly',
    ),
    {
      name: '1',
      certificateProfileInfo: 'P',
      certificate: '<ca>',
      ocspResponders: [{ url: 'u' }, { url: 'v' }],
      authenticationOnly: true,
    },
  )
  t.same(await jsonOf('add-api-key', '--name', 'n', '--roles', 'A', '--roles', 'B'), {
    name: 'n',
    roles: ['A', 'B'],
  })
  for (const [name, ...args] of [
    ['get-members', 'more'],
    ['get-members', '--nonsense', '1'],
    ['get-members', '--q'],
    ['delete-member'],
    ['add-member', '--name', 'n'],
    ['add-certification-service', '--ocspResponders', '{', '--name', 'n'],
    ['publish-configuration', '--body', 'x'],
  ] as [string, ...string[]][])
    t.equal(await exitCodeOf(call(name, ...args)), 2, `${name} ${args.join(' ')}`)
})

void t.test('a search of the log shows who called whom', (t) => {
  const record = {
    ...{ index: 7, time: '2026-07-01T10:00:00Z', kind: 'request', direction: 'in', outcome: 'ok' },
    ...{ queryId: 'q1', requestId: 'r1', clientId: 'D:G:1:a', serviceId: 'D:G:2:b:s', peer: 'D:G:2:SS' },
    ...{ answers: null, contract: null },
  }
  const shown = (command: string, answer: unknown): string[] => {
    const { rows, columns } = columnsOf(command, answer)!
    return readableAnswer(rows, undefined, columns)
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/ {2,}/g, ' | '))
  }
  t.strictSame(shown('find-records', [record]), [
    'index | time | clientId | serviceId | kind | direction | outcome | queryId',
    '7 | 2026-07-01T10:00:00Z | D:G:1:a | D:G:2:b:s | request | in | ok | q1',
  ])
  const refused = { ...record, index: 8, kind: 'refusal', clientId: null, outcome: 'access_denied' }
  t.strictSame(shown('find-exchanges', [{ index: 8, records: [record, refused] }]), [
    'index | time | clientId | serviceId | outcome | records | queryId',
    '8 | 2026-07-01T10:00:00Z | D:G:1:a | D:G:2:b:s | access_denied | 2 | q1',
  ])
  t.equal(readableAnswer(columnsOf('find-records', [])!.rows, 0), 'Nothing.\n')
  t.equal(columnsOf('get-members', [record]), undefined)
  t.end()
})

void t.test('what an API answers cannot steer a terminal', (t) => {
  const shown = readableAnswer(
    [{ id: 'a\u001b[2Jb', name: 'x\u202ey', roles: ['p', 'q'], more: { deep: 1 } }, { id: 'c' }],
    9,
  )
  t.equal(shown, 'id      name  roles\na\ufffd[2Jb  x\ufffdy   p q\nc\n2 of 9\n')
  t.equal(
    readableAnswer({ id: 'a\nb', list: [{ of: 1 }], none: [], gone: null }, undefined),
    'id: a\ufffdb\nlist:\n  0:\n    of: 1\nnone: []\ngone: null\n',
  )
  t.equal(readableAnswer([], 0), 'Nothing.\n')
  const tokens = [
    { id: 0, keys: [{ of: 1 }, { of: 2 }] },
    { id: 1, keys: [] },
  ]
  t.equal(readableAnswer(tokens, 2), 'id  keys\n0   2\n1\n', 'what no column holds is counted')
  t.equal(readableAnswer(['a', 'b'], undefined), 'a\n\nb\n')
  t.end()
})
