import { render } from 'preact'
import './style/tokens.css'
import './style/controls.css'
import './style/shell.css'
import './style/lists.css'
import './style/alerts.css'
import './style/map.css'
import './style/views.css'
import { Door } from './session/door.tsx'
import { readPageSettings } from './session/page-settings.ts'
import { thisTab } from './session/token.ts'

const element = document.getElementById('room')
if (element === null) throw new Error('index.html has no #room')
const settings = readPageSettings(window.location.origin)
render(<Door tab={thisTab()} settings={settings} />, element)
