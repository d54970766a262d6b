/**
 * The few drawings of the pages, each beside a word or inside a button with a name: hidden from those who
 * hear the page.
 */
import './icon.css'

const PATHS = {
  good: 'M10 2a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM6 10.5l2.8 2.8L14.2 7.6',
  warn: 'M10 2.5 18 17H2zM10 8v4M10 14.2v.6',
  bad: 'M6.5 2h7L18 6.5v7L13.5 18h-7L2 13.5v-7zM7 7l6 6M13 7l-6 6',
  quiet: 'M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM7 10h6',
  copy: 'M7 7h10v10H7zM13 7V3H3v10h4',
  calendar: 'M3 5h14v12H3zM3 9h14M7 3v4M13 3v4',
} as const

export function Icon({ name }: { name: keyof typeof PATHS }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  )
}
