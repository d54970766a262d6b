/** A supervisor and its workers: real processes on one port, ended in every way. */
import { type ChildProcess, spawn } from 'node:child_process'
import http from 'node:http'
import path from 'node:path'
import t from 'tap'
import { freePort } from '#test/free-port.ts'
import { until } from '#test/until.ts'
import { metricsOfAll, readinessOfAll } from './of-all.ts'
import { onceASecond } from './once-a-second.ts'

type Said = { worker: number; pid: number; ppid: number; answers?: { worker: number; answer?: unknown }[] }

const PROGRAM = path.join(import.meta.dirname, 'supervised-child.ts')

type Started = { child: ChildProcess; output(): string; ended: Promise<string>; port: number }

async function start(how = '', taken?: number): Promise<Started> {
  // All workers have to listen on a port that is known before.
  const port = taken ?? (await freePort())
  const child = spawn(process.execPath, [PROGRAM, String(port), how], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += String(text)))
  const ended = new Promise<string>((resolve) =>
    child.once('exit', (code, signal) => resolve(signal ?? `exit ${code}`)),
  )
  return { child, output: () => output, ended, port }
}

/** A call over a connection of its own. */
function call({ port }: Started, query = ''): Promise<Said> {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: '127.0.0.1', port, path: `/${query}`, agent: false }, (response) => {
      let text = ''
      response.on('data', (part) => (text += String(part)))
      response.on('end', () => resolve(JSON.parse(text) as Said))
    })
    request.on('error', reject)
  })
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** By their numbers; the kernel gives each connection to one of them. */
async function workersOf(started: Started): Promise<Map<number, Said>> {
  const found = new Map<number, Said>()
  await until('all three workers', async (saw) => {
    const said = await call(started)
    found.set(said.worker, said)
    return saw([...found.keys()].sort().join()) === '1,2,3'
  })
  return found
}

t.test('three workers answer on one port, hear each other, and end together', async (t) => {
  const started = await start()
  await until('the line', async () => started.output().includes('child is ready: at'))
  t.match(
    started.output(),
    new RegExp(`^child is ready: at ${started.port}; 3 workers$`, 'm'),
    'one line for all',
  )
  t.equal(started.output().split('child is ready').length, 2)
  const workers = await workersOf(started)
  t.same(new Set([...workers.values()].map(({ ppid }) => ppid)), new Set([started.child.pid]))

  const teller = (await call(started, '?word=one')).worker
  const heard = await until('the others to hear', async (saw) => {
    const { answers } = await call(started)
    return saw(answers)?.filter(({ answer }) => answer === 'one').length === 2 && answers
  })
  t.equal(heard?.find(({ answer }) => answer !== 'one')?.worker, teller, 'who tells is not told')
  await call(started, '?word=two&keep=1')
  // On a busy machine another one may be as late.
  const answers = await until('the answers of the others', async (saw) => {
    const said = await call(started, '?ask=stuck')
    return saw(said.answers)?.filter(({ answer }) => answer === 'free').length === 2 && said.answers
  })
  t.same(
    answers,
    [{ worker: 1 }, { worker: 2, answer: 'free' }, { worker: 3, answer: 'free' }],
    'one that does not answer holds up no answer of the others for ever',
  )

  const killed = workers.get(2)!
  process.kill(killed.pid, 'SIGKILL')
  const again = await until('worker 2 anew', async (saw) => {
    // A connection that the killed one had is reset.
    const said = await call(started).catch(() => undefined)
    return saw(said?.worker === 2 && said.pid !== killed.pid) && said!
  })
  await until('what was kept', async (saw) => {
    const now = await call(started)
    return saw(now.answers)?.find(({ worker }) => worker === 2)?.answer === 'two'
  })
  t.match(started.output(), /"worker":2,"code":null,"signal":"SIGKILL".*a worker has ended/)

  started.child.kill('SIGTERM')
  t.equal(await started.ended, 'exit 0')
  for (const { pid } of [workers.get(1)!, again, workers.get(3)!]) t.notOk(isRunning(pid))
})

t.test('workers end with a supervisor that is killed', async (t) => {
  const started = await start()
  await until('the line', async () => started.output().includes('child is ready: at'))
  const workers = await workersOf(started)
  started.child.kill('SIGKILL')
  t.equal(await started.ended, 'SIGKILL')
  for (const { pid } of workers.values()) await until(`the end of ${pid}`, async () => !isRunning(pid))
  await until('their word', (saw) => /"level":"fatal".*alone/.test(saw(started.output())))
})

t.test('a port that another process has is not shared with it', async (t) => {
  const one = await start()
  await until('the line', async () => one.output().includes('child is ready: at'))
  const other = await start('', one.port)
  t.equal(await other.ended, 'exit 1')
  await until('its reason', (saw) => saw(other.output()).includes('EADDRINUSE'))
  one.child.kill('SIGTERM')
  t.equal(await one.ended, 'exit 0')
})

t.test('a worker that cannot start ends the start, with its exit code', async (t) => {
  const started = await start('fails')
  t.equal(await started.ended, 'exit 7')
  t.notMatch(started.output(), /is ready/)
})

t.test('one that hangs is killed and started again, and by SIGTERM too', async (t) => {
  const started = await start('hangs')
  await until('the line', async () => started.output().includes('child is ready: at'))
  const hung = (await workersOf(started)).get(2)!
  process.kill(hung.pid, 'SIGSTOP')
  await until('its end', async (saw) =>
    saw(started.output()).includes('"worker":2,"code":null,"signal":"SIGKILL"'),
  )
  t.match(started.output(), /"worker":2,"unanswered":6.*a worker hangs: it is killed/)
  const again = await until('worker 2 anew', async (saw) => {
    // A connection that the one that hung had is reset.
    const said = await call(started).catch(() => undefined)
    return saw(said?.worker === 2) && said!
  })
  process.kill(again.pid, 'SIGSTOP')
  started.child.kill('SIGTERM')
  t.equal(await started.ended, 'exit 1', 'it has not drained')
  t.notOk(isRunning(again.pid))
})

t.test('one that could not be started again is tried again', async (t) => {
  const started = await start('not again')
  await until('the line', async () => started.output().includes('child is ready: at'))
  const { pid } = (await workersOf(started)).get(3)!
  process.kill(pid, 'SIGKILL')
  await until('the attempt', async (saw) => saw(started.output()).includes('a worker was not started'))
  started.child.kill('SIGUSR2')
  await until('worker 3 anew', async (saw) => saw((await call(started)).worker === 3))
  started.child.kill('SIGTERM')
  t.equal(await started.ended, 'exit 0')
})

t.test('SIGTERM while a worker starts drains the others, and does not wait for it', async (t) => {
  const started = await start()
  await until('the line', async () => started.output().includes('child is ready: at'))
  await call(started, '?word=wait&keep=1')
  const { pid } = (await workersOf(started)).get(2)!
  process.kill(pid, 'SIGKILL')
  await until('its next start', async (saw) => /"number":2.*waits/.test(saw(started.output())))
  started.child.kill('SIGTERM')
  t.equal(await started.ended, 'exit 0')
})

t.test('a service manager signals each process, after their supervisor has told them too', async (t) => {
  const started = await start()
  await until('the line', async () => started.output().includes('child is ready: at'))
  const answer = call(started, '?hold=signal')
  await until('the call', async (saw) => saw(started.output()).includes('holds'))
  const pid = Number(/"pid":(\d+)[^\n]*"msg":"holds"/.exec(started.output())![1])
  started.child.kill('SIGTERM')
  await until('its word', async (saw) =>
    new RegExp(`"pid":${pid}[^\\n]*"why":"supervisor"`).test(saw(started.output())),
  )
  process.kill(pid, 'SIGTERM')
  t.match(await answer, { pid }, 'what is under way is answered')
  t.equal(await started.ended, 'exit 0')
})

for (const [how, end] of [
  ['fail', 'exit 7'],
  ['SIGTERM', 'exit 0'],
] as const)
  t.test(`what is under way when others have not started yet is answered: ${how}`, async (t) => {
    const started = await start('one alone')
    await until('the first worker', async (saw) => saw(await call(started).catch(() => undefined)))
    await until('another', async (saw) => saw(started.output()).includes('waits'))
    const answer = call(started, `?hold=1&word=${how}`)
    await until('the call', async (saw) => saw(started.output()).includes('holds'))
    if (how === 'SIGTERM') started.child.kill(how)
    t.match(await answer, { worker: 1 })
    t.equal(await started.ended, end)
    t.notMatch(started.output(), /is ready/)
  })

t.test('many who ask cost one question a second, and none waits for ever', async (t) => {
  let looks = 0
  let now = 0
  const ask = onceASecond(
    async () => ++looks,
    () => now,
  )
  t.same(await Promise.all([ask('a'), ask('a'), ask('b')]), [1, 1, 2])
  now = 999
  t.equal(await ask('a'), 1)
  now = 1000
  t.equal(await ask('a'), 3)

  const started = await start()
  await until('the line', async () => started.output().includes('child is ready: at'))
  const CALLS = 90
  const began = performance.now()
  const all = await Promise.all(Array.from({ length: CALLS }, () => call(started, '?ask=asked')))
  const seconds = (performance.now() - began) / 1000
  // On a busy machine one may be late with its answer.
  const heard = all.flatMap(({ answers = [] }) => answers.map(({ answer = 0 }) => Number(answer)))
  const most = Math.max(...heard)
  // Each of the three workers asks as it is first called, and once a second from then on.
  t.ok(most > 0 && most <= 3 * (1 + seconds), `${most} questions in ${seconds} s`)
  started.child.kill('SIGSTOP')
  const silent = await call(started, '?ask=later')
  started.child.kill('SIGCONT')
  t.equal(silent.answers, undefined, 'a supervisor that hangs')
  started.child.kill('SIGTERM')
  t.equal(await started.ended, 'exit 0')
})

t.test('one answer of all', (t) => {
  const well = { ready: true, checks: [{ name: 'keys', ok: true }] }
  const locked = { ready: false, checks: [{ name: 'keys', ok: false, reason: 'locked' }] }
  const told = { ready: true, checks: [{ name: 'keys', ok: true, reason: 'ends soon' }] }
  const both = (one: unknown, two?: unknown) =>
    readinessOfAll(
      [{ worker: 1, answer: one }, ...(two === undefined ? [] : [{ worker: 2, answer: two }])],
      2,
    )
  t.match(both(well, well), {
    ready: true,
    checks: [
      { name: 'keys', ok: true },
      { name: 'workers', ok: true },
    ],
  })
  t.match(both(well, locked), {
    ready: false,
    checks: [{ name: 'keys', ok: false, reason: 'worker 2: locked' }, { name: 'workers' }],
  })
  t.match(both(told, locked).checks[0], { ok: false, reason: 'worker 2: locked' }, 'what is wrong goes first')
  t.match(both(well, told).checks[0], { ok: true, reason: 'worker 2: ends soon' })
  t.match(both(well), {
    ready: true,
    checks: [{}, { name: 'workers', ok: true, reason: '1 of 2 workers run' }],
  })
  t.match(readinessOfAll(undefined, 2), {
    ready: false,
    checks: [{ name: 'workers', ok: false, reason: 'their supervisor does not answer' }],
  })
  t.match(readinessOfAll([], 2), { ready: false, checks: [{ name: 'workers', ok: false }] })
  t.match(readinessOfAll([{ worker: 1, answer: well }, { worker: 2 }], 2), {
    ready: false,
    checks: [{}, { name: 'workers', ok: false, reason: 'worker 2 does not answer' }],
  })
  const text = (worker: number) =>
    `# HELP a First\n# TYPE a counter\na{worker="${worker}"} 1\n\n# HELP b Second\n# TYPE b gauge\nb{worker="${worker}"} 2\n`
  t.equal(
    metricsOfAll([{ worker: 1, answer: text(1) }, { worker: 2, answer: text(2) }, { worker: 3 }]),
    '# HELP a First\n# TYPE a counter\na{worker="1"} 1\na{worker="2"} 1\n\n# HELP b Second\n# TYPE b gauge\nb{worker="1"} 2\nb{worker="2"} 2\n',
  )
  t.end()
})
