import t from 'tap'
import { wordsSaid } from '#test/house/words-said.ts'
import { Fault } from './fault.ts'
import { explainFault, inLanguage, jsonIn } from './fault-languages.ts'
import { createRecognition } from './recognise-words.ts'
import { fillIn, kept, Said, say } from './said.ts'

const SHORT = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((at) => `v${at}`)
/** As long as identifiers of servers and services are. */
const LONG = SHORT.map((value) => `EE/GOV/70000562/${value}`.padEnd(40, 'x'))

t.test('words that were kept as a text are said in the language of who reads them', (t) => {
  const inEstonian = (text: string) => inLanguage(kept(text), 'et')
  const cases = [
    say`record ${7}: ${say`the record is missing`}`,
    say`Record ${89}: ${say`The time-stamp lies in the future.`}`,
    say`Every message verifies, but ${say`the signer of the log's state is not trusted: ${new Fault('incorrect_validation_info', { what: say`the signature holds no OCSP answer` }).message}`}.`,
  ]
  for (const said of cases) {
    t.equal(inEstonian(String(said)).includes('record') || inEstonian(String(said)).includes(' the '), false)
    t.equal(inLanguage(kept(String(said)), 'en'), String(said))
  }
  t.equal(inEstonian('record 7: the record is missing'), inLanguage(cases[0]!, 'et'))
  for (const fault of [
    new Fault('not_found'),
    new Fault('io_error', { what: 'disk (sda1). Full.' }),
    new Fault('service_malformed_url', { what: say`it names a user` }),
  ])
    t.equal(inEstonian(fault.message), explainFault(fault, 'et'), fault.message)
  for (const fault of [
    new Fault('malformed_container', { what: say`it has ${say`two entries of one name`}` }),
    new Fault('incorrect_validation_info', { what: say`OCSP answer refused: ${say`it is too old`}` }),
    new Fault('malformed_archive', { what: say`line ${7} of its linking information` }),
    new Fault('conflict', { what: say`it signed another statement` }),
    new Fault('audit_order_refused', { what: say`its seed is no signed state of this log` }),
  ]) {
    t.equal(inEstonian(fault.message), explainFault(fault, 'et'), fault.message)
    t.notOk(inEstonian(fault.message).includes(String(fault.said)), 'and its details')
  }
  t.equal(inEstonian('connect ECONNREFUSED 127.0.0.1:1'), 'connect ECONNREFUSED 127.0.0.1:1', 'of others')
  const once = say`${'{0}'} is not registered at this security server`
  t.equal(inEstonian(String(once)), inLanguage(once, 'et'), 'filled in once')
  t.equal(inEstonian('x'.repeat(5_000)).length, 5_000)
  t.equal(kept(null), null)
  t.equal(jsonIn({ reason: kept('the record is missing') }, 'en'), '{"reason":"the record is missing"}')
  t.end()
})

t.test('each sentence that a server says is found again when it was kept', (t) => {
  for (const english of wordsSaid().keys()) {
    if (!/\p{L}/u.test(english)) continue
    const parts = english.split(/\{\d+\}/)
    const own = parts.join('').length
    for (const values of [SHORT, LONG]) {
      const text = fillIn(english, values)
      // What is mostly values would be found in anybody's text.
      const isLoose = parts.length > 1 && own < 24 && (parts[0]!.length < 7 || values === LONG)
      t.equal(
        inLanguage(kept(text), 'fi'),
        isLoose ? text : inLanguage(new Said(english, values), 'fi'),
        english,
      )
    }
  }
  t.end()
})

/**
 * What these say of evidence is kept as a text: in rows of days, archives, verifications, exports and orders.
 */
const KEPT_OF =
  /^core\/(?:archive|certificate|container|evidence-bundle|evidence-record|reconciliation|signature)\/|^security-server\/features\/(?:audit-orders|reconciliation|retention\/archives|verification)\//
/** Numbers, words of ours and sentences stand in these. */
const HOLD_NO_NAMES = [
  ...['Record {0}: {1}', 'record {0}: {1}', 'Time-stamp {0}: {1}', 'a time-stamp: {0}', 'it has {0}'],
  ...['OCSP answer refused: {0}', 'its circumstances: {0}', 'its seed is none: {0}', 'more than {0} entries'],
  ...['an issuer: {0}', 'critical extension {0}', 'not a certificate for {0}'],
  ...['the certificate is {0}', 'tile {0} of level {1}', 'the {0} of record {1}'],
]
/** Who asks for something that is not there is told at once. */
const KEPT_BY_NOBODY = ['a finished archive {0}', 'case {0}', 'reconciliation {0}', 'the audit order {0}']

t.test('a kept sentence about evidence is found again however long the names in it are', (t) => {
  const loose = [...wordsSaid()].flatMap(([english, files]) => {
    const parts = english.split(/\{\d+\}/)
    if (parts.length === 1 || !/\p{L}/u.test(english) || !files.some((file) => KEPT_OF.test(file))) return []
    const found = inLanguage(kept(fillIn(english, LONG)), 'fi')
    return found === inLanguage(new Said(english, LONG), 'fi') ? [] : [english]
  })
  const inner = say`the member ${'EE/GOV/70000562'} is not on the server ${'EE/GOV/70000562/a-server-of-a-long-name'}`
  const outer = say`record ${7}: ${inner}`
  t.equal(inLanguage(kept(String(outer)), 'fi'), inLanguage(outer, 'fi'), 'within another too')
  t.strictSame(loose.toSorted(), [...HOLD_NO_NAMES, ...KEPT_BY_NOBODY].toSorted())
  t.end()
})

t.test('a kept text of another program stays as it is, however much of it reads like ours', (t) => {
  for (const text of [
    'SQLITE_BUSY: database is locked',
    'Request is not valid',
    'invalid_cert_path: the issuer of the signing certificate is not approved',
    'the person is missing',
    'the certificate is not valid at this time',
    'the service message',
    'record of the person was lost',
    'connect ECONNREFUSED 10.0.0.7:443 since 12:00; ready',
    'urn:ietf:params:acme:error:unauthorized: the key authorization file is at fault, and expired',
  ])
    for (const language of ['et', 'fi', 'es', 'uk']) t.equal(inLanguage(kept(text), language), text)
  t.end()
})

t.test('a hostile text is looked at in a bounded number of steps', (t) => {
  let steps = 0
  const templates = [...wordsSaid().keys()]
  const recognise = createRecognition(templates, () => {
    steps += 1
  })
  // Each stands in the middle of a template, so that each place may be the end of a value that is again made
  // of such.
  const middles = templates.flatMap((template) => {
    const [before, middle = '', after, ...more] = template.split(/\{\d+\}/)
    return before === '' && after === '' && more.length === 0 && middle.length >= 24 ? [middle] : []
  })
  t.ok(middles.length >= 10, `${middles.length} middles`)
  const parts = [
    ...['x is y at z for w of v, and ', 'record 1: ', 'Record 1: record 2: ', 'the record '],
    ...[middles.join(''), middles.join(' a b '), `x y z${middles.toReversed().join(' a b ')}`],
  ]
  let most = 0
  for (const part of parts)
    for (const length of [174, 500, 999, 1_000, 2_000, 100_000]) {
      const text = part.repeat(Math.ceil(length / part.length)).slice(0, length)
      steps = 0
      const word = recognise(text)
      t.equal(String(word), text, 'nothing of it is lost')
      t.ok(steps <= 10_000, `${steps} steps for ${length} characters of ${part.slice(0, 40)}`)
      if (length > 1_000) t.equal(steps, 0, 'a long one is not looked at')
      most = Math.max(most, steps)
    }
  t.equal(most, 10_000, 'one of them would take more')
  const sentence = String(say`record ${7}: ${say`as its file was read back: ${say`the end of its chain`}`}`)
  t.ok(recognise(sentence) instanceof Said, 'and after it one of ours is known again')
  t.end()
})
