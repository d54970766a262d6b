/** The fixed texts of the page in the chosen language, and the choice of the language. */
import { language, languages, type TextKey, text } from './texts.ts'

/** Shows the texts, now and after each choice, of which `chosen` is told first. */
export function showTexts(chosen: (tag: string) => void): void {
  const choice = document.getElementById('language') as HTMLSelectElement
  choice.replaceChildren(
    ...languages.map((tag) => {
      const option = new Option(nameIn(tag), tag)
      option.lang = tag
      return option
    }),
  )
  choice.addEventListener('change', () => {
    chosen(choice.value)
    fillIn()
    choice.focus()
  })
  fillIn()
  choice.value = language
}

function fillIn(): void {
  document.documentElement.lang = language
  document.title = `${text('title')} - Concordat`
  for (const place of document.querySelectorAll<HTMLElement>('[data-text]'))
    place.replaceChildren(...withCode(text(place.dataset['text'] as TextKey)))
  for (const place of document.querySelectorAll<HTMLElement>('[data-name]'))
    place.setAttribute('aria-label', text(place.dataset['name'] as TextKey))
}

/** What stands between backquotes is for computers, and shown as such. */
function withCode(said: string): (Node | string)[] {
  return said.split('`').map((part, index) => {
    if (index % 2 === 0) return part
    const code = document.createElement('code')
    code.textContent = part
    return code
  })
}

/** 'Eesti' for et: most languages write their names small, but a list begins with capitals. */
function nameIn(tag: string): string {
  const name = new Intl.DisplayNames([tag], { type: 'language' }).of(tag) ?? tag
  return name.charAt(0).toLocaleUpperCase(tag) + name.slice(1)
}
