/**
 * A name that has more to say on demand, such as its id: a button that says whether it is open, since what
 * stands in `details` is no part of the name of the cell around it. `beside` stands small below the name.
 */
import type { ComponentChildren } from 'preact'
import { useId, useState } from 'preact/hooks'

export function Folded(q: {
  name: ComponentChildren
  beside?: ComponentChildren
  children: ComponentChildren
}) {
  const id = useId()
  const [open, setOpen] = useState(false)
  return (
    <span class="folded">
      <button
        type="button"
        class="fold"
        aria-expanded={open}
        aria-controls={id}
        onClick={() => setOpen(!open)}
      >
        {q.name}
        <span class="fold-mark" aria-hidden="true" /> {q.beside}
      </button>
      <span id={id} class="more" hidden={!open}>
        {q.children}
      </span>
    </span>
  )
}
