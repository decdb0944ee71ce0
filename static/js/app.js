// What every page gets. Each module stands alone and each page works without any of them.
import "./copy.js";
import "./forms.js";
import "./keys.js";
import "./live.js";
import "./tabs.js";
import "./theme-toggle.js";
import "./times.js";
import "./toasts.js";
