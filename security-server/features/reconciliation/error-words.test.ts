import t from 'tap'
import { inLanguage } from '#schemas/fault-languages.ts'
import { errorCode, errorWords } from './error-words.ts'

t.test('why a day could not be compared is said in words, in the language of the reader', (t) => {
  const cases: [string, string, RegExp][] = [
    [
      'missing_signature: the statement has no valid signature of EE/GOV/70000562',
      'en',
      /^[A-Z].*\(the statement has no valid signature of EE\/GOV\/70000562\)\.$/,
    ],
    [
      'missing_signature: the statement has no valid signature of EE/GOV/70000562',
      'et',
      /\(avaldusel puudub kehtiv allkiri: EE\/GOV\/70000562\)\.$/,
    ],
    [
      'unknown_member: the member EE/GOV/70000562 is not on the server EE/COM/10000001/secure-server-2',
      'et',
      /\(liige EE\/GOV\/70000562 ei ole serveris EE\/COM\/10000001\/secure-server-2\)\.$/,
    ],
    ['peer_timeout', 'en', /^[A-Z][^()]*\.$/],
    ['the other side did not go on', 'fi', /^toinen osapuoli ei jatkanut$/],
    [
      'it answered server.serverproxy.access_denied',
      'en',
      /^the other server answered: The client has no right to call this service$/,
    ],
    ['it answered server.serverproxy.access_denied', 'et', /^teine server vastas: Kliendil [^_]*$/],
    ['it answered Server.ServerProxy.AccessDenied', 'et', /^teine server vastas: Kliendil [^_]*$/],
    ['it answered their.own', 'et', /^teine server vastas veaga, mida siin ei tunta: their\.own$/],
    ['it answered a fault', 'fi', /^toinen palvelin vastasi virheellä, jonka koodia ei voi lukea$/],
    ['no_code_of_ours: x', 'et', /^no_code_of_ours: x$/],
    ['constructor', 'et', /^constructor$/],
  ]
  for (const [error, language, said] of cases) t.match(inLanguage(errorWords(error) ?? '', language), said)
  t.equal(errorWords(''), null)
  t.end()
})

t.test('programs get the code', (t) => {
  const cases: [string, string | null][] = [
    ['invalid_proof: the entries are not those that were committed to', 'invalid_proof'],
    ['peer_timeout', 'peer_timeout'],
    ['it answered server.serverproxy.access_denied', 'server.serverproxy.access_denied'],
    ...['it answered a fault', 'the other side did not go on', 'no_code_of_ours: x', 'constructor', ''].map(
      (error): [string, null] => [error, null],
    ),
  ]
  for (const [error, code] of cases) t.equal(errorCode(error), code, error)
  t.end()
})
