# sonde_page_test(PAGE): a test that PAGE (a .md file, from the repository's root) shows its sources as they are, and
# what its programs really print. `scripts/pages.sh --bless` brings a page up to date.
function(sonde_page_test page)
  string(REGEX REPLACE "[/.]" "_" name ${page})
  add_test(NAME page_${name}
           COMMAND ${PROJECT_SOURCE_DIR}/scripts/pages.sh --bin ${CMAKE_RUNTIME_OUTPUT_DIRECTORY} ${page})
  set_tests_properties(page_${name} PROPERTIES LABELS unit)
endfunction()
