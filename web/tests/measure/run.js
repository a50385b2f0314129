// How heavy and how smooth the page is, in a real Chromium, each figure beside the plain way in the same run:
//   npm run measure
// Ends with 1 when a limit is missed. Ten minutes, of which most are replies of 10k tokens that come as fast as they do.
import { longConversation } from "./conversation.js";
import { livePage } from "./live.js";
import { streaming } from "./markdown.js";
import { launch, verdict } from "./parts.js";
import { firstLoad } from "./weight.js";

const browser = await launch();
try {
  firstLoad();
  await streaming(browser);
  await longConversation(browser);
} finally {
  await browser.close();
}
await livePage();
process.exit(verdict());
