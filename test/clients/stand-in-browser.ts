/** Takes the place of a web browser: `stand-in-browser.ts URL EMAIL FILE` opens the URL, types the address into the
 * login form, posts it and follows the redirect to the program that waits for it. Writes the URL to the file. */
import { writeFile } from 'node:fs/promises';

const [url = '', email = '', file = ''] = process.argv.slice(2);
await writeFile(file, url);
const page = await fetch(url);
const html = await page.text();
if (page.status !== 200) throw new Error(`the login page answered ${page.status}: ${html}`);

const form = /<form method="post" action="([^"]+)">/.exec(html)?.[1];
if (form === undefined) throw new Error(`no login form: ${html}`);
const fields = new URLSearchParams({ email, decision: 'sign-in' });
for (const [, name = '', value = ''] of html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)) {
  fields.set(unescapeHtml(name), unescapeHtml(value));
}
const { origin } = new URL(url);
const posted = await fetch(new URL(unescapeHtml(form), url), {
  method: 'POST',
  body: fields,
  redirect: 'manual',
  // A browser says where a form comes from.
  headers: { origin },
});
const location = posted.headers.get('location');
if (location === null) throw new Error(`the form answered ${posted.status}: ${await posted.text()}`);
const landed = await fetch(location);
if (!landed.ok) throw new Error(`the waiting program answered ${landed.status}: ${await landed.text()}`);

function unescapeHtml(text: string): string {
  return text.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code))).replaceAll('&amp;', '&');
}
