/** The real program: what it says of a misspelt word and of a missing file, and what shells complete. */
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import t from 'tap'
import { tallyOf } from './tally.ts'

const CONCORDAT = path.join(import.meta.dirname, '../concordat')

function concordat(args: string[], cwd?: string) {
  const { status, stdout, stderr } = spawnSync(CONCORDAT, args, { cwd, encoding: 'utf8', timeout: 60_000 })
  return { status, stdout, stderr }
}

t.test('who misspells a word is told which one may be meant', (t) => {
  const key = path.join(t.testdir({ key: 'key' }), 'key')
  // Nobody listens on this port; that the API's options stand after the command is part of the test.
  const api = ['--url', 'http://127.0.0.1:1', '--key-file', key]
  for (const [args, near] of [
    [['verfy'], 'verify'],
    [['security-sever'], 'security-server'],
    [['verison'], '--version'],
    [['get-members'], 'concordat registry get-members'],
    [['get-session'], 'concordat registry get-session or concordat server get-session'],
    [['check', '--fxi'], '--fix'],
    [['verify', '--hlep'], '--help'],
    [['log', 'verfy', 'x'], 'verify'],
    [['log', 'verify', '--stat=x', 'y'], '--state'],
    [['bench', 'log', '--record', '1000'], '--records'],
    [['server', 'find-recrods'], 'find-records'],
    [['registry', 'get-members', ...api, '--ofset', '1'], '--offset'],
  ] as [string[], string][]) {
    const { status, stderr } = concordat(args)
    t.equal(status, 2, args.join(' '))
    t.match(stderr, `did you mean ${near}?`)
  }
  t.notMatch(concordat(['nonsense']).stderr, /did you mean/)
  t.notMatch(concordat(['x'.repeat(100_000)]).stderr, /did you mean/)
  const value = concordat(['bench', 'log', '--records'])
  t.equal(value.status, 2, 'an option without its value is no bug')
  t.match(value.stderr, /^concordat bench: [^\n]*--records[^\n]*\n[^\n]+\n$/)
  t.match(concordat(['docs', 'pages']).stderr, /^concordat docs: [^\n]*pages[^\n]*\n[^\n]+\n$/)
  t.end()
})

t.test('help says the same before the words as behind them', (t) => {
  for (const words of [['server', 'get-client'], ['bench', 'log'], ['portal'], ['registry']]) {
    const before = concordat(['help', ...words])
    t.equal(before.status, 0)
    t.match(before.stdout, `Usage: concordat ${words.join(' ')}`)
    t.equal(before.stdout, concordat([...words, '--help']).stdout)
  }
  t.equal(concordat(['help', 'nonsense']).status, 2)
  t.end()
})

t.test('a missing file is named with its remedy, and at a terminal once', (t) => {
  const folder = t.testdir({ 'good.asice': '', settings: {} })
  for (const [args, said] of [
    [
      ['verify', 'god.asice', '--conf', 'x'],
      `no file ${path.join(folder, 'god.asice')}; did you mean good.asice?`,
    ],
    [['log', 'verify', 'a.yaml'], `no file ${path.join(folder, 'a.yaml')}. A path that`],
    [['log', 'verify', 'sqlite:/nowhere/a.db'], 'no folder /nowhere, so a.db is not in it'],
    [['server', 'verify-backup', 'b', '--backup-key-file', '/nowhere.key'], 'no file /nowhere.key. Correct'],
    [['audit-order', 'open', '--keys', 'settings', '--order', 'o'], 'no file '],
    [['event', 'check', '--file', 'none'], 'no file '],
  ] as [string[], string][]) {
    const { status, stderr } = concordat(args, folder)
    t.not(status, 0)
    t.match(stderr, said, args.join(' '))
    t.equal(stderr.trim().split('\n').length, 1)
  }
  const terminal = spawnSync(
    'script',
    ['-qec', `${CONCORDAT} trust-services --configuration /nowhere.yaml`, '/dev/null'],
    {
      encoding: 'utf8',
    },
  )
  if (terminal.error !== undefined) t.comment('script is not installed, so no terminal was made')
  else t.match(terminal.stdout, /^trust-services cannot start: [^\n]*no file \/nowhere\.yaml[^\n]*\r?\n$/)
  t.end()
})

/**
 * How each shell is asked what it offers for a line: words, the last of which is being typed. Fish is asked
 * with the line itself.
 */
const ASK: Record<string, (script: string, words: string[]) => string[]> = {
  bash: (script, words) => [
    '-c',
    `. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _concordat; printf '%s\\n' "\${COMPREPLY[@]}"`,
    ...[script, ...words],
  ],
  // The functions of its completion system are there only while somebody types.
  zsh: (script, words) => [
    '-fc',
    `compdef() { :; }; compset() { :; }; _files() { echo FILES; }
     _describe() { [[ $1 = -o ]] && shift; print -rl -- "\${(@)\${(P)2}%%:*}"; }
     . "$0"; words=("$@"); CURRENT=$#; _concordat`,
    ...[script, ...words],
  ],
  fish: (script, words) => [
    '--no-config',
    '-c',
    'source $argv[1]; cd /; complete -C "$argv[2]"',
    ...[script, words.map((word) => (/[^\w-]/.test(word) ? `"${word}"` : word)).join(' ')],
  ],
}

for (const [shell, ask] of Object.entries(ASK))
  t.test(`${shell} completes commands, options and values`, (t) => {
    const { status, stdout } = concordat(['completion', shell])
    t.equal(status, 0)
    const script = path.join(t.testdir({ script: stdout }), 'script')
    if (spawnSync(shell, ['--version']).error !== undefined) {
      t.end()
      return t.comment(`${shell} is not installed, so its script was not run`)
    }
    const offered = (...words: string[]): string[] => {
      const ran = spawnSync(shell, ask(script, ['concordat', ...words]), {
        encoding: 'utf8',
        timeout: 60_000,
      })
      t.equal(ran.stderr, '')
      const typed = words.at(-1)!
      // zsh narrows them itself.
      return ran.stdout
        .split('\n')
        .map((line) => line.split('\t', 1)[0]!)
        .filter((word) => word !== '' && (word.startsWith(typed) || word === 'FILES'))
        .sort()
    }
    t.strictSame(offered('ver'), ['verifier', 'verify'])
    t.strictSame(offered('bench', 'lo'), ['log'])
    t.strictSame(offered('bench', 'log', '--'), ['--directory', '--help', '--json', '--records'])
    t.strictSame(offered('log', 'verify', '--st'), ['--state'])
    t.strictSame(offered('adapter', 'sql', 'd'), ['describe', 'draft'])
    t.strictSame(offered('registry', 'get-memb'), ['get-member', 'get-member-classes', 'get-members'])
    t.strictSame(offered('server', 'find-records', '--client'), ['--clientId'])
    t.strictSame(offered('server', '--url', 'x', 'order-export', '--format', ''), ['bundles', 'csv', 'jsonl'])
    t.ok(offered('registry', '').includes('plan'))
    t.notOk(offered('registry', '').some((word) => word.startsWith('-')))
    t.notOk(offered('server', '--key-file', '').includes('find-records'), 'a value is no command')
    t.strictSame(offered("'; echo bad", ''), offered(''), 'what is typed is no code')
    t.end()
  })

t.test('long work says how far it is, with rate and remaining time, at a terminal only', (t) => {
  const tallyText = (work: Parameters<typeof tallyOf>[0], done: number, elapsedMs: number): string => {
    const times = [0, elapsedMs]
    let said = ''
    const terminal = { isTTY: true, columns: 200, write: (text: string) => (said = text) }
    tallyOf(work, terminal, () => times.shift()!).at(done)
    return said.replace('\r\u001b[K', '')
  }
  const work = { what: 'filling the log', unit: 'records', total: 100_000 }
  t.equal(
    tallyText(work, 41_000, 20_000),
    'filling the log: 41,000 of 100,000 records (41 %), 2,050 records/s, 29 s left',
  )
  t.equal(tallyText(work, 500, 500), 'filling the log: 500 of 100,000 records (0 %)', 'no rate of a moment')
  t.match(tallyText({ ...work, from: 90_000 }, 91_000, 10_000), /, 100 records\/s, 90 s left$/)
  t.match(tallyText(work, 100, 100_000), /, 1\.0 records\/s, 28 h left$/)
  t.match(tallyText(work, 110_000, 10_000), /\(100 %\), 11,000 records\/s, 0 s left$/)
  t.equal(tallyText({ ...work, total: undefined }, 100, 2000), 'filling the log: 100 records, 50 records/s')
  const said: string[] = []
  const write = (text: string): number => said.push(text)
  let now = 0
  const tally = tallyOf(work, { isTTY: true, columns: 40, write }, () => now)
  tally.at(1)
  tally.at(2)
  now = 2000
  tally.at(50_000)
  tally.end()
  tally.end()
  t.strictSame(said, [
    '\r\u001b[Kfilling the log: 1 of 100,000 records (',
    '\r\u001b[Kfilling the log: 50,000 of 100,000 reco',
    '\r\u001b[K',
  ])
  said.length = 0
  const silent = tallyOf(work, { write })
  silent.at(1)
  silent.end()
  t.strictSame(said, [])
  t.end()
})
