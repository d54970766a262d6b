import t from 'tap'
import { inLanguage } from '#schemas/fault-languages.ts'
import { errorWords } from './error-words.ts'

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
    ['the other server answered: access_denied', 'et', /^teine server vastas: access_denied$/],
    ['no_code_of_ours: x', 'et', /^no_code_of_ours: x$/],
    ['constructor', 'et', /^constructor$/],
  ]
  for (const [error, language, said] of cases) t.match(inLanguage(errorWords(error) ?? '', language), said)
  t.equal(errorWords(''), null)
  t.end()
})
