/** The choice of the language of the pages, each named in itself. */
import { chooseLanguage, language, languages, text } from './text.ts'

export function LanguageChoice() {
  return (
    <label class="language">
      <span>{text('language.choose')}</span>
      <select value={language} onChange={({ currentTarget }) => chooseLanguage(currentTarget.value)}>
        {languages.map((tag) => (
          <option key={tag} value={tag} lang={tag}>
            {nameIn(tag)}
          </option>
        ))}
      </select>
    </label>
  )
}

/** 'Eesti' for et: most languages write their names small, but a list begins with capitals. */
function nameIn(tag: string): string {
  const name = new Intl.DisplayNames([tag], { type: 'language' }).of(tag) ?? tag
  return name.charAt(0).toLocaleUpperCase(tag) + name.slice(1)
}
