/** The pages of the console in the order of its navigation: a page is a folder, and a line here. */
import type { Page } from '../kit/frame.tsx'
import { exchange } from './exchange/page.tsx'
import { exportsPage } from './exports/page.tsx'
import { integrity } from './integrity/page.tsx'
import { looks } from './looks/page.tsx'
import { overview } from './overview/page.tsx'
import { records } from './records/page.tsx'
import { traffic } from './traffic/page.tsx'

export const pages: Page[] = [overview, records, exchange, exportsPage, traffic, integrity, looks]
