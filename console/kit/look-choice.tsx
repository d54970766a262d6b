/** The two choices of how pages look, for the header: colours and density. */
import { useState } from 'preact/hooks'
import { choose, LOOKS, type Look, lookOf } from './look.ts'
import { type TextKey, text } from './text.ts'

export function LookChoice() {
  return (
    <div class="look">
      {(Object.keys(LOOKS) as Look[]).map((which) => (
        <Choices key={which} which={which} />
      ))}
    </div>
  )
}

function Choices({ which }: { which: Look }) {
  const [chosen, setChosen] = useState(() => lookOf(which))
  return (
    <fieldset>
      <legend>{text(`look.${which}`)}</legend>
      {(LOOKS[which] as readonly string[]).map((value) => (
        <label key={value}>
          <input
            type="radio"
            name={`look-${which}`}
            checked={chosen === value}
            onChange={() => {
              choose(which, value)
              setChosen(value)
            }}
          />
          {text(`look.${which}.${value}` as TextKey)}
        </label>
      ))}
    </fieldset>
  )
}
