/** Messages to people: each of their languages has every text, with the same names to fill in. */
import t from 'tap'
import { NOTICE_LANGUAGES } from '#schemas/notices.ts'
import { haveSameTexts } from '#test/same-texts.ts'
import { renderLetter } from './render-letter.ts'
import en from './texts/en.json' with { type: 'json' }
import et from './texts/et.json' with { type: 'json' }
import ko from './texts/ko.json' with { type: 'json' }
import uk from './texts/uk.json' with { type: 'json' }

void t.test('each language has every text', (t) => {
  haveSameTexts(t, en, { et, ko, uk })
  t.end()
})

void t.test('numbers stand behind what they count, so that no language bends a word for them', (t) => {
  const q = { portal: 'https://portal.example', stopAt: 'https://portal.example/stop' }
  const told = { kind: 'uses', isMore: false, isLast: false } as const
  for (const language of NOTICE_LANGUAGES)
    for (const count of [1, 2, 5, 21]) {
      const { text } = renderLetter({ ...told, uses: count, parties: count }, { ...q, language })
      t.equal(text.split('\n').filter((line) => line.endsWith(`: ${count}`)).length, 2, language)
    }
  t.end()
})
