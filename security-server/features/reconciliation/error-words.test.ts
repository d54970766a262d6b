import t from 'tap'
import { inLanguage } from '#schemas/fault-languages.ts'
import { errorWords } from './error-words.ts'

t.test('why a day could not be compared is said in words, in the language of the reader', (t) => {
  const cases: [string, string, RegExp][] = [
    [
      'missing_signature: no valid signature of DEV/GOV/1',
      'en',
      /^[A-Z].*\(no valid signature of DEV\/GOV\/1\)\.$/,
    ],
    ['missing_signature: no valid signature of DEV/GOV/1', 'et', /\(kehtiv allkiri puudub: DEV\/GOV\/1\)\.$/],
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
