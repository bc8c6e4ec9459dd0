package simulator

import "strings"

// elsewhere are the area codes of the North American numbering plan that are not in
// the United States: Canada's, and those of other countries. As assigned in 2025.
const elsewhere = " 204 226 236 249 250 257 263 289 306 343 354 365 367 368 382 387 403 416 418 428 431 437 438 450 460 468 474 506 514 519" +
	" 548 579 581 584 587 604 613 639 647 672 683 705 709 742 753 778 780 782 807 819 825 867 873 879 902 905 942" + // Canada
	" 242 246 264 268 284 345 441 473 649 658 664 721 758 767 784 809 829 849 868 869 876 " // the Caribbean and Bermuda

// inUS reports whether digits are a number of the United States or their territories.
func inUS(digits string) bool {
	return len(digits) == 11 && digits[0] == '1' && !strings.Contains(elsewhere, " "+digits[1:4]+" ")
}
