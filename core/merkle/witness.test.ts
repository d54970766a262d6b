/** Submissions, verifier keys and policies as in C2SP, and malformed ones. */
import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { parseSubmission, readCosignature, writeSubmission } from './add-checkpoint.ts'
import { addCosignature, signNote, verifyNote, writeCheckpoint } from './checkpoint.ts'
import { parseNote } from './signed-note.ts'
import { parseVerifierKey, writeVerifierKey } from './verifier-key.ts'
import { judgeWitnesses, meetsPolicy, parseWitnessPolicy } from './witness-policy.ts'

const key = () => generateKeyPairSync('ed25519')
const log = key()
const root = Buffer.alloc(32, 7)
const note = signNote(
  writeCheckpoint({ origin: 'log.example', size: 9, root }),
  'log.example',
  log.privateKey,
)
const witness = (name: string) => {
  const { publicKey, privateKey } = key()
  return { name, privateKey, text: writeVerifierKey({ name, publicKey }, 'witness') }
}

t.test('the verifier key and the note of the specification', async (t) => {
  const text = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'
  const { name, publicKey } = parseVerifierKey(text, 'log')
  const signed =
    'This is an example message.\n\n\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n'
  t.ok(verifyNote(parseNote(signed), name, publicKey))
  t.equal(writeVerifierKey({ name, publicKey }, 'log'), text)
  t.throws(() => parseVerifierKey(text, 'witness'), { code: 'invalid_input' })
  t.throws(() => parseVerifierKey(text.replace('530d', '530e'), 'log'), { code: 'invalid_input' })
  t.throws(() => parseVerifierKey(text.slice(0, -1), 'log'), { code: 'invalid_input' })
})

t.test('a submission is read as it was written', async (t) => {
  const proof = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
  const read = parseSubmission(Buffer.from(writeSubmission({ oldSize: 4, proof, note })))
  t.match(read, { oldSize: 4, note, checkpoint: { origin: 'log.example', size: 9 } })
  t.same(read.proof, proof)
  for (const text of [
    '',
    'old 4\n',
    `old 4\n\n`,
    `new 4\n\n${note}`,
    `old 4\nAAAA\n\n${note}`,
    `old 04\n\n${note}`,
  ])
    t.throws(() => parseSubmission(Buffer.from(text)), { code: 'malformed_checkpoint' }, JSON.stringify(text))
})

t.test('an answer counts by its line alone', async (t) => {
  const w1 = witness('w1.example')
  const other = witness('w1.example')
  const verifier = parseVerifierKey(w1.text, 'witness')
  const submitted = parseNote(note)
  const lineOf = (of: typeof w1, over = note): string =>
    addCosignature(over, of.name, of.privateKey, new Date(1000)).split('\n').at(-2)!
  const line = lineOf(w1)
  t.match(readCosignature(`${lineOf(witness('w2.example'))}\n${line}\n`, submitted, verifier), { line })
  const larger = signNote(
    writeCheckpoint({ origin: 'log.example', size: 10, root }),
    'log.example',
    log.privateKey,
  )
  const none = ['', 'nonsense', `${lineOf(other)}\n`, `${lineOf(w1, larger)}\n`, `\u2014 w1.example AAAA\n`]
  for (const answer of none)
    t.throws(() => readCosignature(answer, submitted, verifier), { code: 'malformed_checkpoint' })
})

t.test('a policy: N of M with one from outside', async (t) => {
  const [a, b, c] = ['a.example', 'b.example', 'c.example'].map(witness) as [
    ReturnType<typeof witness>,
    ReturnType<typeof witness>,
    ReturnType<typeof witness>,
  ]
  const text = `# ours, and two of others
log log.example+ignored+here
witness ours ${a.text} http://127.0.0.1/witness
witness\tb   ${b.text}
witness c ${c.text}

group outside any b c
group both all ours outside
quorum both
`
  const policy = parseWitnessPolicy(text)
  t.match(policy.witnesses, [
    { label: 'ours', url: 'http://127.0.0.1/witness' },
    { label: 'b', url: undefined },
    {},
  ])
  const met = (...labels: string[]) => meetsPolicy(policy, new Set(labels))
  t.ok(met('ours', 'c') && met('ours', 'b', 'c'))
  t.notOk(met('ours') || met('b', 'c') || met())
  t.ok(meetsPolicy(parseWitnessPolicy('quorum none\n'), new Set()))
  const cosigned = [a, c].reduce((so, of) => addCosignature(so, of.name, of.privateKey, new Date(5000)), note)
  t.match(judgeWitnesses(parseNote(cosigned), policy), {
    met: true,
    witnesses: [{ label: 'ours' }, { label: 'c' }],
  })
  t.match(judgeWitnesses(parseNote(note), policy), { met: false, witnesses: [] })
  const bad: [string, string][] = [
    ['no quorum', text.replace('quorum both', '')],
    ['two', `${text}quorum b\n`],
    ['unknown name', text.replace('quorum both', 'quorum other')],
    ['defined later', `group g any b\n${text}`],
    ['twice in groups', text.replace('all ours outside', 'all ours outside b')],
    ['too many of them', text.replace('any b c', '3 b c')],
    ['none of them', text.replace('any b c', '0 b c')],
    ['the same key', text.replace(b.text, a.text)],
    ['the same name', text.replace('witness c', 'witness b')],
    ['a name that is taken', text.replace('group outside', 'group none')],
    [
      'a key of a log',
      text.replace(b.text, writeVerifierKey({ name: 'x', publicKey: log.publicKey }, 'log')),
    ],
    ['a control character', text.replace('b c', 'b\u000bc')],
    ['another word', `${text}observer x y\n`],
    ['too long', `${text}${'#\n'.repeat(300)}`],
  ]
  for (const [what, wrong] of bad)
    t.throws(() => parseWitnessPolicy(wrong), { code: 'invalid_configuration' }, what)
})
